package stage_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// commands compiles the commands that the stage runs, once.
var commands = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stage")
	if err != nil {
		return "", err
	}
	compiled = dir
	if err := touch("../../central", "../../gate", "../../sync", "../../firmware"); err != nil {
		return dir, err
	}
	for _, build := range [][]string{
		{dir + string(filepath.Separator), "../../central", "../../gate", "../../central/registrar"},
		{filepath.Join(dir, "controller-sim"), "../../firmware/cmd/controller"},
	} {
		if out, err := exec.Command("go", append([]string{"build", "-o"}, build...)...).CombinedOutput(); err != nil {
			return dir, fmt.Errorf("build: %w: %s", err, out)
		}
	}
	return dir, nil
})

// touch looks at every source of the commands, which is how `go test` learns that a
// result it has kept is of other ones.
func touch(dirs ...string) error {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // made or cleared meanwhile
				return nil
			case err == nil && e.IsDir() && e.Name() == "node_modules":
				return filepath.SkipDir
			case err == nil:
				_, _ = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var compiled string // the folder, once commands was called

func TestMain(m *testing.M) {
	code := m.Run()
	if compiled != "" {
		_ = os.RemoveAll(compiled)
	}
	os.Exit(code)
}

// built returns the folder of the commands.
func built(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the commands")
	}
	dir, err := commands()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// venue is central with the sample on sale, and one gate that reads typed codes.
func venue(ctx context.Context, t *testing.T) (*stage.Stage, ticket.EventID, *stage.Gate) {
	t.Helper()
	return venueFrom(ctx, t, "../venue/sample.json")
}

// venueFrom is venue with a plan of one's own.
func venueFrom(ctx context.Context, t *testing.T, plan string) (*stage.Stage, ticket.EventID, *stage.Gate) {
	t.Helper()
	s, err := stage.New(ctx, t.TempDir(), built(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.StopCentral(); err != nil {
			t.Errorf("central ended with %v", err)
		}
	})
	event, err := s.Import(ctx, plan, time.Now(), 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Enrol(ctx, event, "north", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Cable.Close)
	if err := g.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Errorf("gate ended with %v", err)
		}
	})
	return s, event, g
}

// shows holds codes up to the gate until the verdict is the wanted one, or says
// what it was last: the gate hears of sales and changes a moment later, and to a
// ticket that has just gone through it repeats what it said.
func shows(ctx context.Context, t *testing.T, g *stage.Gate, text func() (string, error), want string) {
	t.Helper()
	last := "nothing"
	for ctx.Err() == nil {
		code, err := text()
		if err != nil {
			t.Fatal(err)
		}
		since := g.Feed.Mark()
		if err := g.Type(code); err != nil {
			t.Fatal(err)
		}
		e, err := g.Feed.Await(ctx, since, func(e stage.Event) bool { return e.Event == "verdict" || e.Event == "repeat" })
		if err != nil {
			t.Fatal(err)
		}
		if last = e.Outcome + " " + e.Reason; e.Event == "repeat" || last != want {
			<-time.After(50 * time.Millisecond)
			continue
		}
		if e.Outcome != "admit" {
			return
		}
		// The next one is asked when the lane is free again.
		if _, err := g.Feed.Await(ctx, since, func(e stage.Event) bool { return e.Event == "passage" }); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("the gate says %s, want %s", last, want)
}

func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	var r *stage.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// A visitor signs up, buys, loses the phone, and gets in with the new one, while
// what the lost one shows opens nothing.
func TestLostPhone(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	t.Cleanup(cancel) // the last: what runs is asked to end before
	s, event, gate := venue(ctx, t)
	if rp, err := s.RelyingParty(); err != nil || rp.ID != "localhost" || !strings.HasPrefix(rp.Origin, "http://localhost:") || s.Wallet() != rp.Origin+"/wallet/" {
		t.Fatalf("relying party %+v, wallet %s, %v", rp, s.Wallet(), err)
	}
	kim, err := s.SignUp(ctx, "kim@example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.SignUp(ctx, "Kim@Example.org")
	refused(t, "a second account with the address", err, "account_exists")
	if err := kim.SignOut(ctx); err != nil {
		t.Fatal(err)
	}
	seat := stage.Seat{Zone: 1, Class: 1, Seat: "A-1"}
	_, err = kim.Buy(ctx, event, seat)
	refused(t, "bought after signing out", err, "sign_in_required")
	if err := kim.SignIn(ctx); err != nil {
		t.Fatal(err)
	}
	ours, err := kim.Buy(ctx, event, seat)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: "A-2"}) // nobody's account
	if err != nil {
		t.Fatal(err)
	}
	lost := *ours
	if err := kim.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if lost.Wallet.HolderKey() == kim.Wallet.HolderKey() {
		t.Fatal("the new phone is the lost one")
	}
	ours.Wallet = kim.Wallet
	now := func(b *stage.Bought) func() (string, error) {
		return func() (string, error) { return b.Text(time.Now()) }
	}
	shows(ctx, t, gate, now(ours), "admit ok")
	shows(ctx, t, gate, now(&lost), "refuse transferred")
	shows(ctx, t, gate, now(theirs), "admit ok")

	var me struct {
		Email    string
		Passkeys []struct {
			PublicKey ticket.HolderKey `json:"public_key"`
			Current   bool
		}
	}
	if err := kim.Call(ctx, "GET", "/v1/account", nil, &me); err != nil || me.Email != kim.Email || len(me.Passkeys) != 1 || me.Passkeys[0].PublicKey != kim.Wallet.HolderKey() {
		t.Errorf("account %+v, %v", me, err)
	}
	_, err = kim.Confirm(ctx, "transfer", func(c []byte) []byte { return c })
	if err != nil {
		t.Errorf("a personal challenge: %v", err)
	}
}
