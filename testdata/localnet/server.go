package localnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	folder = "testdata/localnet" // of this package, in a checkout

	patience  = 60 * time.Second // for a server to start or to answer, on a machine that is busy
	maxErrors = 64 << 10         // bytes of a server's complaints that are kept
)

// server is a program of this folder that runs in Node.
type server struct {
	command *exec.Cmd
	stdin   io.Closer // its end ends the program
	done    chan struct{}
	once    sync.Once
}

// announcement is the first line that a program says.
type announcement struct {
	URL    string `json:"url"`
	Second string `json:"second"`
	WS     string `json:"ws"`
}

// launch starts a program that needs a module, and returns when it has said where it
// is.
func launch(ctx context.Context, root, module, program string, args ...string) (*server, announcement, error) {
	c, err := prepare(ctx, root, module, program, args)
	if err != nil {
		return nil, announcement{}, err
	}
	complaints := &tail{max: maxErrors, died: make(chan struct{})}
	c.Stderr = complaints
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, announcement{}, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, announcement{}, err
	}
	if err := c.Start(); err != nil {
		return nil, announcement{}, err
	}
	s := &server{command: c, stdin: stdin, done: make(chan struct{})}
	said := make(chan announcement, 1)
	go func() {
		defer close(s.done)
		said <- hear(stdout)
		_, _ = io.Copy(io.Discard, stdout)
		_ = c.Wait() // its complaints say more
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a := <-said:
		if a.URL == "" {
			s.close()
			return nil, a, fmt.Errorf("%s ended: %s", program, complaints)
		}
		return s, a, nil
	case <-complaints.died:
		s.close()
		return nil, announcement{}, fmt.Errorf("%s did not start: %s", program, complaints)
	case <-ctx.Done():
		s.close()
		return nil, announcement{}, fmt.Errorf("%s did not start: %w: %s", program, ctx.Err(), complaints)
	}
}

func prepare(ctx context.Context, root, module, program string, args []string) (*exec.Cmd, error) {
	root, err := find(root)
	if err != nil {
		return nil, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node: %w: %w", ErrMissing, err)
	}
	if _, err := os.Stat(filepath.Join(root, "node_modules", module)); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", module, ErrMissing, err)
	}
	if err := touch(filepath.Join(root, folder)); err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), node, append([]string{"--no-warnings", program}, args...)...) // #nosec G204 -- a test's own
	c.Dir = filepath.Join(root, folder)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return c, nil
}

func (s *server) close() {
	s.once.Do(func() {
		_ = s.stdin.Close()
		_ = s.command.Process.Kill() // it may have ended by itself
	})
	<-s.done
}

func hear(r io.Reader) (a announcement) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadBytes('\n')
	if err == nil {
		_ = json.Unmarshal(line, &a) // an empty one says enough
	}
	return a
}

// find returns the folder of the checkout: the one given, or the next above the
// working folder.
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

// touch looks at every file of the programs, which is how `go test` learns that a
// result it has kept is of other ones.
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
	max  int
	died chan struct{} // closed when a thread of the program has panicked, which it may survive

	mu   sync.Mutex // guards what follows
	kept []byte
	dead bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.max; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if !t.dead && bytes.Contains(p, []byte("panicked at")) {
		t.dead = true
		close(t.died)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
