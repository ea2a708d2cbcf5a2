package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// hot are the statements that phones, or their owners, make central run.
func hot() map[string]string {
	return map[string]string{
		"session": selectSession, "extend session": extendSession, "drop sessions": dropSessions, "limit sessions": limitSessions,
		"account": selectAccount, "passkey": selectPasskey, "passkeys": selectPasskeys, "count up": countUp, "note keys": noteKeys, "end rekey": dropRekey,
		"drop used": dropUsed, "use challenge": useChallenge,
		"owned": selectOwned, "past": selectPast, "bound": selectBound, "one ticket": selectTicket, "entrances": selectEntrances, "owner's entrances": ownedEntrances,
		"rebind": rebindTicket, "remember owner": rememberOwner, "receipt": selectReceipt, "order": selectPurchase, "order's tickets": selectIssued,
		"DID": selectDID, "DID taken": didTaken, "kin": selectKin, "age": selectAge, "credentials": selectVCs, "same credential": sameVC,
		"count credentials": countVCs, "replace credentials": replaceOld, "revive credential": reviveVC, "listed credentials": listedVCs, "add transfer": insertTransfer,
		"transfer": selectTransfer, "transfers": selectTransfers, "accept": acceptOffer, "overtake": overtakeOffers,
		"price": selectPrice, "hold a seat": holdSeat, "hold the best place": holdBest, "begin to pay": beginPaying, "pay": makePaid, "free seats": selectFreeSeats,
		"take a slot": takeSlot, "keep places": keepPlaces, "keep slots": keepSlots, "let places": letPlaces, "let slots": letSlots,
		"free places": freePlaces, "free slots": freeSlots, "order's items": selectItems, "history": selectHistory,
		"anybody waits": anyWait, "may wait": mayWait, "waits already": waitsAlready, "slots taken": slotsTaken, "one wait": selectWait, "waits": selectWaits,
		"leave": leaveLine, "own open offers": openOffers, "next zone": nextWaitedZone, "free in a zone": countFree, "next in line": nextWaiting,
		"give a turn": giveTurn, "offer places": offerPlaces, "accept an offer": acceptPlaces, "hold what is offered": holdOffered,
		"overdue offers": overdueOffers, "end an offer": endOffer, "free what was offered": freeOffered, "offers": selectOffers, "an offer": selectOffer,
		"refund": refundPurchase, "refunded tickets": refundTickets, "refunded zones": refundedZones, "tickets that moved": ticketsMoved, "tickets that entered": ticketsUsed,
		"orders of cancelled events": paidOfCancelled, "end the line": endLine, "end all offers": endAllOffers,
		"add ask": insertAsk, "take ask": takeAskFor, "ask": selectAsk, "asks": selectAsks, "end ask": endAsk,
	}
}

// bounded are scans of what a query in a query has limited.
var bounded = map[string]bool{"SCAN free": true, "SCAN untouched": true, "SCAN lapsed": true, "SCAN either": true}

var parameter = regexp.MustCompile(`\$(\d+)`)

// Scans lists the hot statements that read a whole table or index.
func (s *Store) Scans(ctx context.Context) (out []string, err error) {
	all := hot()
	err = s.update(ctx, func(t *tx) error {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			n := 0
			for _, m := range parameter.FindAllStringSubmatch(all[name], -1) {
				i, err := strconv.Atoi(m[1])
				if err != nil {
					return err
				}
				n = max(n, i)
			}
			steps, err := rows(ctx, t, func(r scanner) (detail string, err error) {
				var id, parent, unused int
				return detail, r.Scan(&id, &parent, &unused, &detail)
			}, "EXPLAIN QUERY PLAN "+all[name], make([]any, n)...)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, d := range steps {
				if strings.HasPrefix(d, "SCAN ") && d != "SCAN CONSTANT ROW" && !bounded[d] {
					out = append(out, name+": "+d)
				}
			}
		}
		return nil
	})
	return out, err
}

// Crowd fills the database with accounts that own two tickets each of event 1001;
// one ticket in ten has entered and has a receipt. Account n is named as
// [CrowdName] says and has a session of that hash.
func (s *Store) Crowd(ctx context.Context, accounts int) error {
	return s.update(ctx, func(t *tx) error {
		run := func(query string, args ...any) error {
			_, err := t.exec(ctx, query, args...)
			return err
		}
		for n := range accounts {
			who, hash := CrowdName(n), CrowdHash(n)
			key := ticket.HolderKey{2}
			copy(key[1:], hash[:])
			for _, err := range []error{
				run(insertAccount, who, who+"@example.org", hash[:], t.ms()),
				run(insertPasskey, hash[:16], who, key[:], "[]", 0, t.ms()),
				run(insertSession, hash[:], who, hash[:16], t.ms(), t.ms()+1_000_000_000),
			} {
				if err != nil {
					return err
				}
			}
			for i := range 2 {
				k := ticket.Ticket{Event: 1001, Zone: 1, Class: 1, Seat: "A-1", Version: 1, Holder: key}
				copy(k.ID[:], hash[:])
				k.ID[15] = byte(i)
				body, err := json.Marshal(k)
				if err != nil {
					return err
				}
				err = run(insertStaff, k.ID[:], 1001, who, 1, key.String(), ticket.StatusValid, string(body), make([]byte, 180), t.ms())
				if err != nil {
					return err
				}
				if n%10 != 0 || i != 0 {
					continue
				}
				seq := int64(n + 1)
				if err := run(insertAdmission, "gate-a", seq, 1001, k.ID[:], t.ms()<<16, 0, "north", "1", 1, hash[:]); err != nil {
					return err
				}
				if err := run(updateSettled, 2, "gate-a", seq); err != nil {
					return err
				}
				if err := run(`INSERT INTO receipt (device, seq, ticket, signed, stored) VALUES ('gate-a', $1, $2, $3, $4)`, seq, k.ID[:], make([]byte, 200), t.ms()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// CrowdName is the id of an account of [Store.Crowd].
func CrowdName(n int) string { return fmt.Sprintf("%032x", n+1) }

// CrowdHash spreads accounts as random ids do.
func CrowdHash(n int) (h [32]byte) {
	x := uint64(n) + 1 // #nosec G115 -- a test's counter
	for i := range h {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		h[i] = byte(x)
	}
	h[0], h[1], h[2], h[3] = byte(n*197), byte(n>>8), byte(n>>16), byte(n) // distinct
	return h
}
