package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
)

// maxReceiptText is the longest receipt that is read, in bytes.
const maxReceiptText = 4 << 10

// shuffleResult is what verify-shuffle has found.
type shuffleResult struct {
	Event      ticket.EventID `json:"event"`
	People     uint32         `json:"people"`
	Sealed     time.Time      `json:"sealed"`
	Open       bool           `json:"open"`
	Commitment string         `json:"commitment"`
	List       string         `json:"list"` // the hash of the list
	Source     string         `json:"beacon_source"`
	Beacon     string         `json:"beacon"`
	Key        string         `json:"key"`
	Number     uint32         `json:"number,omitempty"` // of the receipt
	Rank       uint32         `json:"rank,omitempty"`
}

// runVerifyShuffle recomputes a shuffle file, and shows where a receipt stands in
// it. It needs neither central nor its keys: anybody may run it.
func runVerifyShuffle(_ context.Context, a *app, f *flags) error {
	if err := f.Want(1, 2); err != nil {
		return err
	}
	file, err := os.Open(f.Rest[0])
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	v, err := queue.VerifyShuffle(bufio.NewReader(file))
	if err != nil {
		if errors.Is(err, queue.ErrShuffle) {
			return hint.Errorf("get the file again; if it stays like this, it was tampered with", "%s: %w", f.Rest[0], err)
		}
		return err
	}
	out := shuffleResult{
		Event: v.Event, People: v.People, Sealed: v.SealedAt().UTC(), Open: v.Open(), Commitment: v.Commitment, List: v.List, Source: v.BeaconSource, Beacon: v.Beacon, Key: v.Key,
	}
	if len(f.Rest) == 2 {
		text, err := readReceipt(f.Rest[1])
		if err != nil {
			return err
		}
		r, rank, err := v.Rank(text)
		if err != nil {
			return err
		}
		out.Number, out.Rank = r.Number, rank
	}
	return a.printShuffle(&out, f.json)
}

// readReceipt takes a receipt as such, or the file that it is in.
func readReceipt(arg string) (string, error) {
	file, err := os.Open(arg) //nolint:gosec // the caller's own file
	if err != nil {
		return arg, nil // it is the receipt itself, or no receipt
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, maxReceiptText))
	return strings.TrimSpace(string(b)), err
}

func (a *app) printShuffle(r *shuffleResult, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(r)
	}
	lines := fmt.Sprintf("event       %s\npeople      %d\nlist fixed  %s\nlist        %s\ncommitment  %s\nsigned by   %s\n",
		r.Event, r.People, r.Sealed.Format(time.RFC3339), r.List, r.Commitment, r.Key)
	if r.Source != "" {
		lines += fmt.Sprintf("beacon      %q of %q\n", r.Beacon, r.Source)
	}
	if r.Number != 0 {
		lines += fmt.Sprintf("number      %d\n", r.Number)
	}
	if r.Rank != 0 {
		lines += fmt.Sprintf("rank        %d\n", r.Rank)
	}
	lines += "the list has the hash that was signed, and nobody is in it twice\n"
	switch {
	case !r.Open:
		lines += "the seed is not published yet: the order cannot be computed; keep this file\n"
	case r.Source == "":
		lines += "the order follows from the seed that was committed to; compare commitment and key with those shown before the opening\n"
	default:
		lines += "the order follows from the seed that was committed to and the beacon; compare commitment, key and list with those from before the beacon, and the beacon with its source\n"
	}
	_, err := io.WriteString(a.out, lines)
	return err
}
