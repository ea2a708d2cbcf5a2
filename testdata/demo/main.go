// Command demo plays conting's main story on this machine: people stand in line for a
// show that is sold out at once, and a place that is given back goes to who waited; for
// another show a ticket is bought,
// admitted from camera frames, refused on replay and as a screenshot, admitted
// with the cable cut, used twice by gates that cannot see each other, and
// reconciled. At the turnstile somebody turns back, somebody never comes, somebody
// pushes without a ticket, and there is a fire. A ticket is given to a relative, and
// its old code dies. Their tokens on a Solana chain of this machine do what the tickets
// do, which is asked of the chain itself. Then it leaves everything up to look at; with -auto it ends, and
// its exit status is 0 only if every step happened.
//
// Every part is the product's own command in its own process, and the turnstiles'
// controllers are the firmware's image on boards that QEMU plays; the chain runs the
// real programs. Only the phones, the cameras' pictures, the cables, the chain's slots
// and the people are made up.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built commands")
	dir := flags.String("dir", "", "folder for everything that is made; a new one by default")
	auto := flags.Bool("auto", false, "end after the last step")
	lanes := flags.String("lanes", "", "emulated, simulated or software turnstiles; the first of them that this machine can run by default")
	plan := flags.String("plan", filepath.Join("testdata", "venue", "sample.json"), "venue and event to play")
	if flags.Parse(args) != nil {
		return 2
	}
	if !slices.Contains([]string{"", emulated, simulated, software}, *lanes) {
		_, _ = fmt.Fprintf(stderr, "demo: no lanes are %q: %s, %s or %s\n", *lanes, emulated, simulated, software)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := play(ctx, stdout, setting{bin: *bin, dir: *dir, plan: *plan, lanes: *lanes, auto: *auto}); err != nil {
		_, _ = fmt.Fprintf(stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}

// limit is how long the whole story may take before something is wrong.
const limit = 15 * time.Minute

// setting is what the story is played with.
type setting struct {
	bin, dir, plan string
	lanes          string // the kind of turnstiles; "" for the best
	auto           bool   // to the end, where nobody looks
}

func play(ctx context.Context, w io.Writer, set setting) error {
	if set.dir == "" {
		made, err := os.MkdirTemp("", "conting-demo-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		set.dir = made
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := open(ctx, w, set)
	if err != nil {
		return err
	}
	defer s.close()
	telling, done := context.WithTimeout(ctx, limit)
	defer done()
	if err := s.tell(telling); err != nil {
		return fmt.Errorf("step %d: %w", s.step, err)
	}
	_, _ = fmt.Fprintf(w, "\nEvery step happened. %d steps.\n", s.step)
	if set.auto {
		return nil
	}
	s.where()
	s.whereTokens()
	_, _ = fmt.Fprintf(w, "The conflict is at %s/admin/conflicts: any name, and the password in %s.\nCtrl-C ends everything.\n",
		s.stage.Page(), s.stage.TokenFile())
	<-ctx.Done()
	return nil
}
