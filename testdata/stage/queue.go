package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Place is a place in an event's waiting room, as central last told it.
type Place struct {
	State    string `json:"state"` // lobby, waiting, admitted, skipped, left or closed
	Token    string `json:"token"`
	Receipt  string `json:"receipt"` // only when entering
	Number   int    `json:"number"`  // in order of arrival
	Position int    `json:"position"`
	RetryMS  int    `json:"retry_ms"`

	Admission struct {
		Token string `json:"token"`
	} `json:"admission"`
}

func roomOf(event ticket.EventID) string { return "/v1/events/" + event.String() + "/queue" }

// OpenRoom gives an event a waiting room that opens at a time and admits so many
// people a minute. It returns what central commits itself to.
func (s *Stage) OpenRoom(ctx context.Context, event ticket.EventID, opens time.Time, rate int) (commitment string, err error) {
	var room struct {
		Commitment string `json:"commitment"`
	}
	err = s.call(ctx, "PUT", "/admin"+roomOf(event), s.token, map[string]any{"opens": opens.UTC().Format(time.RFC3339Nano), "rate_per_minute": rate}, &room)
	return room.Commitment, err
}

// Enter stands in line.
func (p *Person) Enter(ctx context.Context, event ticket.EventID) (*Place, error) {
	var access struct {
		Token string `json:"token"`
	}
	if err := p.Call(ctx, "POST", "/v1/account/access", nil, &access); err != nil {
		return nil, err
	}
	place := &Place{}
	return place, p.stage.call(ctx, "POST", roomOf(event), access.Token, struct{}{}, place)
}

// AwaitAdmission asks for a place, as often as central says, until its turn has come.
func (s *Stage) AwaitAdmission(ctx context.Context, event ticket.EventID, place *Place) error {
	for place.State != "admitted" {
		switch place.State {
		case "lobby", "waiting":
		default:
			return fmt.Errorf("the place is %s", place.State)
		}
		wait := time.NewTimer(time.Duration(place.RetryMS) * time.Millisecond)
		select {
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%d is still the position: %w", place.Position, ctx.Err())
		case <-wait.C:
		}
		if err := s.do(ctx, caller{place: place.Token}, "GET", roomOf(event), nil, place); err != nil {
			return err
		}
	}
	return nil
}

// BuyAdmitted is Buy with the admission of a waiting room.
func (p *Person) BuyAdmitted(ctx context.Context, event ticket.EventID, seat Seat, place *Place) (*Bought, error) {
	return p.stage.buy(ctx, caller{session: p.session, admission: place.Admission.Token}, event, p.Wallet, seat)
}

// Shuffle is what "central verify-shuffle" found in what central publishes.
type Shuffle struct {
	People     int    `json:"people"`
	Commitment string `json:"commitment"`
	Number     int    `json:"number"`
	Rank       int    `json:"rank"`
}

// VerifyShuffle fetches the file of a room's order as anybody can, and has it
// recomputed: where in it the receipt's owner stands.
func (s *Stage) VerifyShuffle(ctx context.Context, event ticket.EventID, receipt string) (v Shuffle, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.addr.API+roomOf(event)+"/shuffle", nil)
	if err != nil {
		return v, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return v, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return v, fmt.Errorf("shuffle file: %s: %.200s: %w", resp.Status, b, err)
	}
	path := filepath.Join(s.Dir, "shuffle-"+event.String()+".txt")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return v, err
	}
	out, err := Run(ctx, s.command("central"), "verify-shuffle", "--json", path, receipt)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(out, &v)
}
