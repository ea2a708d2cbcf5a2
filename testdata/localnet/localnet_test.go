package localnet_test

import (
	"testing"

	"github.com/con-ting/conting/testdata/localnet"
)

func TestStart(t *testing.T) {
	n := localnet.Test(t, localnet.Options{})
	ctx := t.Context()
	before, err := n.Tick(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	after, err := n.Tick(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	if after != before+3 {
		t.Errorf("three slots after %d: %d", before, after)
	}
	if _, err := n.Snapshot(ctx); err != nil {
		t.Error(err)
	}
	if _, err := n.Rollback(ctx); err != nil {
		t.Error(err)
	}
	if _, err := n.Rent(ctx, 696); err != nil {
		t.Error(err)
	}
	if err := n.Faults(ctx, localnet.Faults{Drop: 1}); err != nil {
		t.Error(err)
	}
	s, err := n.Stats(ctx)
	if err != nil || s.Total() != 0 {
		t.Errorf("stats: %+v, %v", s, err)
	}
}
