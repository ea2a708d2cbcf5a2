// Package localnet starts a Solana cluster on this machine, for tests, benches and
// the demo: the real virtual machine with the real System, Token-2022, associated
// token account and memo programs (LiteSVM, from npm), behind two nodes that speak
// Solana's JSON-RPC over HTTP and can be told to fail as real ones do.
//
// It is no validator: there is neither a vote nor a network, a slot passes when its
// clock says so, and a fork happens when it is asked for. It has no WebSocket. It is
// never part of a product command, and nothing that talks to it need know that it is
// not a cluster: what only it has are the methods whose names begin with localnet_,
// which this package speaks.
//
// Who reaches its port may do anything to it, and it listens on this machine only.
// What it starts ends with the process that started it, however that one ends.
package localnet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	folder = "testdata/localnet"     // of this package, in a checkout
	module = "litesvm-linux-x64-gnu" // the package of npm
	missed = "SKIPPED: node_modules/" + module + " is missing (make node_modules): nothing here is tested on a chain"

	patience  = 60 * time.Second // for a server to start, on a machine that is busy
	maxErrors = 64 << 10         // bytes of a server's complaints that are kept
)

// ErrMissing means that Node or LiteSVM is not installed, see `make node_modules`.
var ErrMissing = errors.New("litesvm is not installed (make node_modules)")

// Options say what cluster is started. The zero value is one whose slots pass only
// when [Net.Tick] is called.
type Options struct {
	// Slot is how long a slot takes, to the millisecond; mainnet's take 400 ms. Zero
	// means by hand.
	Slot time.Duration

	// Port of the first node, on 127.0.0.1; zero takes any.
	Port int

	// Seed of what is left to chance: faults and keys. The same seed, the same calls in
	// the same order, the same chain.
	Seed uint32

	// Root is the folder of the checkout; empty searches upwards from the working
	// folder.
	Root string
}

// Net is a running cluster. Its methods may be called from several goroutines.
type Net struct {
	Node         // the first
	Second *Node // another, of the same chain, with faults of its own

	command *exec.Cmd
	stdin   io.Closer // its end ends the server
	done    chan struct{}
	close   sync.Once
}

// Test starts a cluster that ends with the test. Where Node or LiteSVM is not
// installed it skips the test.
func Test(t testing.TB, o Options) *Net {
	t.Helper()
	n, err := Start(t.Context(), o)
	if errors.Is(err, ErrMissing) {
		t.Skip(missed)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// Start starts a cluster and returns when both nodes answer. It lasts until
// [Net.Close], whatever becomes of ctx. The error wraps [ErrMissing] where it is not
// installed.
func Start(ctx context.Context, o Options) (*Net, error) {
	root, err := find(o.Root)
	if err != nil {
		return nil, err
	}
	program, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if _, err := os.Stat(filepath.Join(root, "node_modules", module)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if err := touch(filepath.Join(root, folder)); err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), program, "--no-warnings", "main.js", // #nosec G204 -- a test's own
		"--port", strconv.Itoa(o.Port),
		"--slot", strconv.FormatInt(o.Slot.Milliseconds(), 10),
		"--seed", strconv.FormatUint(uint64(o.Seed), 10),
		"--attached")
	c.Dir = filepath.Join(root, folder)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	complaints := &tail{max: maxErrors}
	c.Stderr = complaints
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	n := &Net{command: c, stdin: stdin, done: make(chan struct{})}
	said := make(chan announcement, 1)
	go func() {
		defer close(n.done)
		said <- hear(stdout)
		_, _ = io.Copy(io.Discard, stdout)
		_ = c.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a := <-said:
		if a.URL == "" {
			n.Close()
			return nil, fmt.Errorf("localnet ended: %s", complaints)
		}
		n.Node, n.Second = Node{URL: a.URL}, &Node{URL: a.Second}
		return n, nil
	case <-ctx.Done():
		n.Close()
		return nil, fmt.Errorf("localnet did not start: %w: %s", ctx.Err(), complaints)
	}
}

// Close ends the cluster; what it held is gone. It may be called again.
func (n *Net) Close() {
	n.close.Do(func() {
		_ = n.stdin.Close()
		_ = n.command.Process.Kill()
		<-n.done
	})
}

// Done is closed when the server has ended.
func (n *Net) Done() <-chan struct{} { return n.done }

// announcement is the server's first line.
type announcement struct {
	URL    string `json:"url"`
	Second string `json:"second"`
}

func hear(r io.Reader) (a announcement) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadBytes('\n')
	if err == nil {
		_ = json.Unmarshal(line, &a) // an empty one says enough
	}
	return a
}

// find returns the folder of the checkout.
func find(root string) (string, error) {
	if root != "" {
		return filepath.Abs(root)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, folder, "main.js")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("localnet: the working folder is not in a checkout")
		}
		dir = parent
	}
}

// touch looks at every file of the server, which is how `go test` learns that a
// result it has kept is of another server.
func touch(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".js" {
			return err
		}
		_, err = os.Stat(path)
		return err
	})
}

// tail keeps the end of what is written to it.
type tail struct {
	max int

	mu   sync.Mutex // guards what follows
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.max; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
