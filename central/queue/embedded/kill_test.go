package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
)

// child is set in the process that is killed.
const child = "CONTING_QUEUE_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(child); folder != "" {
		enterForEver(folder)
	}
	os.Exit(m.Run())
}

// enterForEver lets people in and says so, until it is killed.
func enterForEver(folder string) {
	t := &standIn{}
	e := open(t, folder, nil)
	out := bufio.NewWriter(os.Stdout)
	for i := os.Getpid() << 20; ; {
		in := entries(0, 1+rand.IntN(40))
		for j := range in {
			in[j].Key = queue.Key{byte(i >> 40), byte(i >> 32), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 9}
			i++
		}
		for j, n := range mustEnter(t, e, in...) {
			_, _ = fmt.Fprintln(out, in[j].Key, n)
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

// standIn is a test's ways of failing in a process that is no test.
type standIn struct{ testing.TB }

func (*standIn) Helper()                  {}
func (*standIn) Cleanup(func())           {}
func (*standIn) Context() context.Context { return context.Background() }
func (*standIn) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}

// A process that is killed at any moment has kept every place that it answered, and
// gives none of them to somebody else.
func TestKill(t *testing.T) {
	folder := t.TempDir()
	answered := map[string]string{} // number by key
	owner := map[string]string{}    // key by number
	for round := range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+folder)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := readUntilKilled(t, cmd, out, 20+rand.IntN(400))
		for _, line := range lines {
			key, n, ok := strings.Cut(line, " ")
			if !ok {
				continue
			}
			if owner[n] != "" && owner[n] != key {
				t.Fatalf("round %d: number %s belongs to %s and to %s", round, n, owner[n], key)
			}
			owner[n], answered[key] = key, n
		}
	}
	e := open(t, folder, nil)
	kept, err := e.Lobby(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	for key, n := range answered {
		var number int
		if _, err := fmt.Sscan(n, &number); err != nil || number > len(kept) || kept[number-1].String() != key {
			t.Fatalf("number %s of %s was lost", n, key)
		}
	}
	t.Logf("%d places were answered before 12 kills, %d kept", len(answered), len(kept))
}

// readUntilKilled reads so many lines, kills the process, and reads what it had said.
// The last line counts only if it is whole.
func readUntilKilled(t *testing.T, cmd *exec.Cmd, out io.Reader, count int) (lines []string) {
	t.Helper()
	watchdog := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		if lines = append(lines, strings.TrimSpace(line)); len(lines) == count {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(lines) < count {
		t.Fatalf("%d lines, want %d", len(lines), count)
	}
	return lines
}

func BenchmarkEnter(b *testing.B) {
	for _, batch := range []int{1, 16, 128, 1024} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			e := open(b, b.TempDir(), nil)
			i := 0
			for b.Loop() {
				mustEnter(b, e, entries(i, i+batch)...)
				i += batch
			}
			b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "enters/s")
		})
	}
}
