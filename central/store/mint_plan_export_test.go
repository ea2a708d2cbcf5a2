package store

import (
	"context"
	"fmt"
	"strings"
)

// MintPlans tells, for each statement that the mint runs again and again, how the engine
// says that it would run it, and on what index of SQLite's it rests.
func (s *Store) MintPlans(ctx context.Context) (plans map[string][2]string, err error) {
	const (
		ticketOf  = "sqlite_autoindex_token_1 (ticket=?)"
		rowID     = "INTEGER PRIMARY KEY (rowid"
		formOf    = "token_form"
		unsettled = "token_unsettled"
	)
	all := map[string][2]string{
		"unsettled": {unsettled, selectUnsettled}, "count unsettled": {unsettled, countUnsettled}, "count stuck": {"token_stuck", countStuck},
		"count forms": {formOf, countForms}, "token": {ticketOf, selectToken}, "token at": {"sqlite_autoindex_token_2 (address=?)", selectTokenAt},
		"tokens of": {"token_account (account=?)", tokensOf}, "all tokens of": {"token_account (account=?)", allTokensOf},
		"tokens after": {"sqlite_autoindex_token_1 (ticket>?)", tokensAfter}, "facts' tokens": {ticketOf, selectTokens + places(1, 3)},
		"facts' admissions": {"admission_ticket (event=? AND ticket=?)", selectFacts + places(3, 3)}, "claim": {ticketOf, claimToken},
		"unborn": {formOf + " (form=? AND ticket=?)", burnUnborn + places(2, 3)}, "unborn's actions": {"mint_action_ticket (ticket=?)", burnUnborn + places(2, 3)},
		"due": {"mint_action_due (due<?)", selectDue}, "far off": {"mint_action_due (due>?)", selectFarOff}, "history": {"mint_action_ticket (ticket=?)", actionHistory}, "failed": {"mint_action_failed", selectFailed},
		"committed": {"mint_action_set (event=? AND set_version=?)", committedSets}, "groups": {"mint_action_group (event=?)", madeGroups},
		"last commit": {"mint_action_set (event=?)", lastCommit}, "open ones": {"mint_action_due", countOpen},
		"stored": {rowID, storedActions + places(1, 3)}, "open": {rowID, openActions}, "finish": {rowID, finishTokens + places(2, 3)},
		"stick": {rowID, stickTokens + places(1, 3)}, "free": {rowID, freeTokens + places(1, 3)},
		"first final": {"mint_action_final (changed>?)", firstFinal}, "final": {rowID, finalAfter}, "retry": {"token_stuck", retryAll},
		"differences": {"sqlite_autoindex_mint_difference_1 ((ticket,event,address,what)>(?,?,?,?))", differencesAfter}, "wallets": {"sqlite_autoindex_wallet_1 (account=?)", selectWallets + places(1, 3)},
		"kept": {"sqlite_autoindex_wallet_2 (kept=?)", keptHere}, "taken": {"sqlite_autoindex_wallet_3 (linked=?)", linkWallet},
		"old challenges": {"wallet_challenge_expires (expires<?)", dropChallenges}, "left behind": {"token_account (account=?)", leftBehind},
		"admitted": {"admission_ticket (event=? AND ticket=?)", admittedNow},
	}
	err = s.bulk(ctx, func(t *tx) error {
		plans = make(map[string][2]string, len(all))
		lite := s.dialect.name == "sqlite"
		if !lite { // of empty tables it thinks that to read all is least
			if _, err := t.exec(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
				return err
			}
		}
		for name, of := range all {
			plan, err := t.plan(ctx, lite, of[1])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			plans[name] = [2]string{of[0], plan}
		}
		return nil
	})
	return plans, err
}

// plan is how an engine says that it would run a statement.
func (t *tx) plan(ctx context.Context, lite bool, query string) (string, error) {
	var lines []string
	var err error
	if lite {
		lines, err = rows(ctx, t, func(r scanner) (line string, err error) {
			var id, parent, unused int
			return line, r.Scan(&id, &parent, &unused, &line)
		}, "EXPLAIN QUERY PLAN "+query, make([]any, len(parameter.FindAllString(query, -1)))...)
	} else {
		lines, err = rows(ctx, t, func(r scanner) (line string, err error) { return line, r.Scan(&line) },
			"EXPLAIN "+parameter.ReplaceAllString(query, "'0'"))
	}
	return strings.Join(lines, "\n"), err
}
