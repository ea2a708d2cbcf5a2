package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

// killed names the variable that makes the test binary the process that is killed.
const killed = "STORE_TEST_KILLED"

func TestMain(m *testing.M) {
	if os.Getenv(killed) != "" {
		if err := writeUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled has many write at once, and says what was answered once it was.
func writeUntilKilled() error {
	cfg := store.Config{Path: os.Getenv(killed), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	if strings.HasPrefix(cfg.Path, "postgres://") {
		cfg.Path, cfg.URL = "", cfg.Path
	}
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards the output and err
	var all sync.WaitGroup
	for c := range 32 {
		way := []string{store.Update, store.UpdateShared}[c%2]
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), c, i)
				wrong := s.In(context.Background(), way, func(x store.Tx) error {
					return errors.Join(add(name)(x), add("half "+name)(x))
				})
				mu.Lock()
				if wrong != nil {
					err = wrong
				} else {
					fmt.Println(name)
				}
				mu.Unlock()
				if wrong != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return err
}

// A central is killed at random under load, again and again: what it had answered is
// there, and nothing by half.
func TestKilledCentralLosesNothing(t *testing.T) { storetest.Each(t, killedCentralLosesNothing) }

func killedCentralLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "central.db")
	cfg := storetest.At(t, path, time.Now, slog.New(slog.DiscardHandler))
	where := cfg.URL + cfg.Path
	var answered []string
	for round := range 5 {
		c := exec.CommandContext(t.Context(), os.Args[0]) // #nosec G204 G702 -- this very binary
		c.Env = append(os.Environ(), killed+"="+where)
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		lines := bufio.NewScanner(out)
		for stop := 20 + rand.IntN(2000); stop > 0 && lines.Scan(); stop-- {
			answered = append(answered, lines.Text())
		}
		must(t, c.Process.Kill())
		for lines.Scan() { // what it had still said
			if strings.Count(lines.Text(), "-") == 2 {
				answered = append(answered, lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = c.Wait() // it was killed
		if len(answered) < 20*(round+1) {
			t.Fatalf("round %d: only %d answers", round, len(answered))
		}
	}
	s, err := store.Open(t.Context(), storetest.At(t, path, time.Now, slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	there := make(map[string]bool)
	must(t, s.In(t.Context(), store.View, func(x store.Tx) error {
		names, err := x.Strings(`SELECT name FROM counter`)
		for _, name := range names {
			there[name] = true
		}
		return err
	}))
	for i, name := range answered {
		last := i+1 == len(answered) || name[:strings.Index(name, "-")] != answered[i+1][:strings.Index(answered[i+1], "-")]
		if !there[name] && !last { // the last line of a process may be cut off
			t.Errorf("%s was answered and is lost", name)
		}
	}
	for name := range there {
		if _, whole := strings.CutPrefix(name, "half "); !whole && strings.Contains(name, "-") && !there["half "+name] {
			t.Errorf("%s is there by half", name)
		}
	}
	t.Log(strconv.Itoa(len(answered)) + " answered, " + strconv.Itoa(len(there)/2) + " there")
}
