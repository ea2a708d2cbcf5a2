package store_test

import (
	"strings"
	"testing"

	"github.com/con-ting/conting/central/store/storetest"
)

// What the mint runs again and again, with a million tokens behind it, finds its rows
// by the index that is there for it, and sorts none.
func TestMintStatementsUseIndexes(t *testing.T) { storetest.Each(t, testMintStatementsUseIndexes) }

func testMintStatementsUseIndexes(t *testing.T) {
	s, _ := onSale(t)
	plans, err := s.MintPlans(t.Context())
	must(t, err)
	for name, p := range plans {
		index, plan := p[0], p[1]
		if storetest.Engine() == "postgres" { // which index it takes depends on what is in the tables
			if strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s reads a table from end to end:\n%s", name, plan)
			}
			continue
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s does not use %s:\n%s", name, index, plan)
		}
		switch name {
		case "unsettled", "due", "far off", "history", "final", "tokens after", "last commit", "differences":
			if strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s is sorted:\n%s", name, plan)
			}
		}
	}
}
