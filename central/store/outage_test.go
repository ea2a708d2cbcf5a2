package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/testdata/servers"
)

var quiet = slog.New(slog.DiscardHandler)

func someClock() time.Time { return time.UnixMilli(1_800_000_000_000) }

// What a server can do to those who rely on it: one server for all, as it takes long
// to make.
func TestPostgresServer(t *testing.T) {
	server := servers.NewPostgres(t)
	for name, test := range map[string]func(*testing.T, *servers.PostgresServer){
		"goes away and comes back": serverGoesAwayAndComesBack,
		"hangs":                    serverHangs,
		"breaks off a batch":       brokenConnectionInABatch,
		"breaks off at commit":     brokenConnectionAtCommit,
		"finds a deadlock":         deadlock,
		"sorts otherwise":          sortsOtherwise,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

func onServer(t *testing.T, server *servers.PostgresServer, change func(url string) string) *store.Store {
	t.Helper()
	name, err := server.Create(t.Context())
	must(t, err)
	url := server.URL(name)
	if change != nil {
		url = change(url)
	}
	s, err := store.Open(t.Context(), store.Config{URL: url, Now: time.Now, Logger: quiet})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// The server goes away under load, twice by force and once in order, and comes back:
// what was asked meanwhile is told so, what was answered is there, and it goes on
// without anybody's help.
func serverGoesAwayAndComesBack(t *testing.T, server *servers.PostgresServer) {
	s := onServer(t, server, nil)
	l := load(t, s)
	for i, end := range []func(){server.Kill, server.Stop, server.Kill} {
		l.await(20)
		end()
		before := l.failed.Load()
		for l.failed.Load() < before+20 {
			time.Sleep(time.Millisecond)
		}
		for _, way := range []string{store.Update, store.UpdateShared, store.Bulk, store.View, store.Stream} {
			if err := s.In(t.Context(), way, func(x store.Tx) error { _, err := x.Strings("SELECT name FROM counter"); return err }); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s while the server is away: %v, want ErrUnavailable", way, err)
			}
		}
		must(t, server.Start(t.Context()))
		l.await(20)
		t.Logf("round %d: %d answered, %d told to come again", i, l.answered(), l.failed.Load())
	}
	l.stop()
	l.check(s)
}

// A server that hangs, as behind a network that swallows everything, holds nobody up
// for longer than a transaction may take.
func serverHangs(t *testing.T, server *servers.PostgresServer) {
	s := onServer(t, server, func(url string) string { return url + "&connect_timeout=1" })
	s.Hurry(time.Second)
	must(t, s.In(t.Context(), store.Update, add("before")))
	must(t, server.Freeze())
	for _, way := range []string{store.Update, store.UpdateShared, store.View} {
		err := s.In(t.Context(), way, func(x store.Tx) error { _, err := x.Strings("SELECT name FROM counter"); return err })
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s while the server hangs: %v, want ErrUnavailable", way, err)
		}
	}
	must(t, server.Thaw())
	s.Hurry(time.Minute)
	must(t, s.In(t.Context(), store.Update, add("after")))
	if n := tally(t, s, allNumbers); n != 2 {
		t.Errorf("%d numbers, want 2", n)
	}
}

// The connection breaks in the midst of a transaction that several share: all of it
// is done again, once.
func brokenConnectionInABatch(t *testing.T, server *servers.PostgresServer) {
	s := onServer(t, server, nil)
	q := block(t, s)
	var broken atomic.Bool
	for i := range 3 {
		q.add(func() {
			err := s.In(context.Background(), store.Update, func(x store.Tx) error {
				if err := add(fmt.Sprint(i))(x); err != nil {
					return err
				}
				if i == 1 && broken.CompareAndSwap(false, true) {
					_, err := x.Strings("SELECT pg_terminate_backend(pg_backend_pid())::text")
					return err
				}
				return nil
			})
			if err != nil {
				t.Errorf("function %d: %v", i, err)
			}
		})
	}
	q.release()
	if n := tally(t, s, allNumbers); n != 3 || !broken.Load() {
		t.Errorf("%d numbers, want 3", n)
	}
}

// The connection breaks when COMMIT is under way: what the caller is told is what
// became of it.
func brokenConnectionAtCommit(t *testing.T, server *servers.PostgresServer) {
	for name, arrives := range map[string]bool{"before it arrives": false, "before its answer": true} {
		t.Run(name, func(t *testing.T) {
			line := &brokenLine{arrives: arrives}
			s := onServer(t, server, func(url string) string {
				at := strings.Index(url, "127.0.0.1:")
				host, rest, _ := strings.Cut(url[at:], "/")
				return url[:at] + line.listen(t, host) + "/" + rest
			})
			line.breaks.Store(true)
			runs := 0
			err := s.In(t.Context(), store.Update, func(x store.Tx) error {
				runs++
				return add("once")(x)
			})
			if line.breaks.Load() {
				t.Fatal("the line did not break")
			}
			want := map[bool]int{false: 2, true: 1}[arrives]
			if n := tally(t, s, allNumbers); err != nil || n != 1 || runs != want {
				t.Errorf("answered %v after %d runs, and %d numbers; want %d runs and one number", err, runs, n, want)
			}
		})
	}
}

// brokenLine is a line to the server that breaks once, when COMMIT passes.
type brokenLine struct {
	arrives bool // at the server
	breaks  atomic.Bool
}

func (l *brokenLine) listen(t *testing.T, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			server, ok := out.(*net.TCPConn)
			if err != nil || !ok {
				_ = in.Close()
				continue
			}
			all.Go(func() { l.carry(in, server) })
			all.Go(func() {
				_, _ = io.Copy(in, server)
				_ = in.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

func (l *brokenLine) carry(in net.Conn, out *net.TCPConn) {
	defer func() { _ = out.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := in.Read(b)
		if err != nil {
			return
		}
		if strings.Contains(string(b[:n]), "COMMIT\x00") && l.breaks.CompareAndSwap(true, false) {
			_ = in.Close()
			if l.arrives {
				_, _ = out.Write(b[:n])
				_ = out.CloseWrite()
				_, _ = io.Copy(io.Discard, out) // until it has done as it was told, which nobody hears
			}
			return
		}
		if _, err := out.Write(b[:n]); err != nil {
			return
		}
	}
}

// Two that wait for each other: the engine breaks one off, which runs again.
func deadlock(t *testing.T, server *servers.PostgresServer) {
	s := onServer(t, server, func(url string) string { return url + "&deadlock_timeout=50ms" })
	must(t, s.In(t.Context(), store.Update, func(x store.Tx) error { return errors.Join(add("a")(x), add("b")(x)) }))
	var met sync.WaitGroup
	met.Add(2)
	var runs atomic.Int32
	var all sync.WaitGroup
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		all.Go(func() {
			first := true
			err := s.In(context.Background(), store.UpdateShared, func(x store.Tx) error {
				runs.Add(1)
				for _, name := range names {
					if _, err := x.Exec(`UPDATE counter SET n = n + 1 WHERE name = $1`, name); err != nil {
						return err
					}
					if first {
						first = false
						met.Done()
						met.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%v: %v", names, err)
			}
		})
	}
	all.Wait()
	if n := tally(t, s, `SELECT SUM(n) FROM counter`); n != 6 || runs.Load() < 3 {
		t.Errorf("the sum is %d after %d runs, want 6 after 3 or more", n, runs.Load())
	}
}
