package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	postgresProgram = "postgres"
	postgresUser    = "conting" // the server's superuser

	noPostgres = "SKIPPED: postgresql is not installed (apt-get install postgresql): the store on PostgreSQL is NOT tested"
)

// PostgresServer is one PostgreSQL server on a loopback port of its own. Start,
// Stop, Kill, Freeze and Thaw are for one goroutine at a time; the others may be
// called meanwhile.
type PostgresServer struct {
	bin      string // folder of the programs
	dir      string
	port     int
	durable  bool
	password string
	settings []string
	as       *syscall.SysProcAttr // whose process it is
	command  *exec.Cmd            // nil while it is stopped
	done     chan struct{}
	made     atomic.Int64
}

// PostgresOption changes how a server is started.
type PostgresOption func(*PostgresServer)

// PostgresDurable has the server wait for the disk at each commit, as in earnest.
// Without it a server that ends in any way still loses nothing; a machine would.
func PostgresDurable() PostgresOption { return func(s *PostgresServer) { s.durable = true } }

// PostgresSet sets a parameter of postgresql.conf.
func PostgresSet(key, value string) PostgresOption {
	return func(s *PostgresServer) { s.settings = append(s.settings, "-c", key+"="+value) }
}

// Postgres makes an empty database on a server that the whole test binary shares,
// and returns its postgres:// address with the password. The database goes with the
// test, the server with the process. Where PostgreSQL is not installed it skips the
// test.
func Postgres(t testing.TB) string {
	t.Helper()
	s := SharedPostgres(t)
	name, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drop(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

// SharedPostgres is the server of [Postgres], which nobody may stop.
func SharedPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	if !HasPostgres() {
		t.Skip(noPostgres)
	}
	s, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// HasPostgres tells whether the programs of PostgreSQL are installed.
func HasPostgres() bool {
	_, err := postgresFolder()
	return err == nil
}

// NewPostgres starts a server that ends with the test, for one that stops or kills
// it. Where PostgreSQL is not installed it skips the test.
func NewPostgres(t testing.TB, options ...PostgresOption) *PostgresServer {
	t.Helper()
	if !HasPostgres() {
		t.Skip(noPostgres)
	}
	dir, err := os.MkdirTemp("", "conting-postgres-") //nolint:usetesting // that of a test is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	s, err := StartPostgres(context.WithoutCancel(t.Context()), dir, options...)
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	t.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sharedPostgres is the server of [Postgres].
var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) {
	dir, err := os.MkdirTemp("", "conting-postgres-")
	if err != nil {
		return nil, err
	}
	ctx := context.Background() // it lasts as long as the process
	s, err := StartPostgres(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, sweep(ctx, dir)
})

// sweep removes the folder when this process has ended, however it ended: then the
// other end of the pipe is closed.
func sweep(ctx context.Context, dir string) error {
	sweeper := exec.CommandContext(ctx, "/bin/sh", "-c", `trap '' INT HUP TERM; read -r _; sleep 1; rm -rf "$1" || { sleep 5; rm -rf "$1"; }`, "sh", dir)
	sweeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	held.Store(w)
	sweeper.Stdin = r
	return errors.Join(sweeper.Start(), r.Close())
}

// held keeps the pipe of [sweep] from being collected, and so closed.
var held atomic.Pointer[os.File]

// postgresFolder finds the newest server of Debian's, or the one on the path.
func postgresFolder() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + postgresProgram)
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })), nil
	}
	path, err := exec.LookPath(postgresProgram)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func versionOf(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 sorts first
	return n
}

// StartPostgres is [NewPostgres] for a program that is no test: the caller ends it
// with [PostgresServer.Stop]. The folder exists, is empty and becomes the server's,
// which does not run as root: where the caller is root, it is given to another user,
// and the folders above it must be open to that one.
func StartPostgres(ctx context.Context, dir string, options ...PostgresOption) (*PostgresServer, error) {
	bin, err := postgresFolder()
	if err != nil {
		return nil, fmt.Errorf("postgresql is not installed (apt-get install postgresql): %w", err)
	}
	s := &PostgresServer{bin: bin, dir: dir, password: random()}
	for _, option := range options {
		option(s)
	}
	if s.as, err = own(dir); err != nil {
		return nil, err
	}
	if err := s.init(ctx); err != nil {
		return nil, err
	}
	for range 8 { // another may take the port between finding and using it
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.Start(ctx); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // which never fails
	return hex.EncodeToString(b)
}

// own gives a folder to whom the server will run as.
func own(dir string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if os.Geteuid() != 0 {
		return as, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}
	return as, os.Chown(dir, int(uid), int(gid)) // #nosec G115 -- 32 bits
}

// init makes the folder a database cluster.
func (s *PostgresServer) init(ctx context.Context) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	if as := s.as.Credential; as != nil {
		if err := os.Chown(secret, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", filepath.Join(s.dir, "data"), "--username", postgresUser, // #nosec G204 -- a test's own
		"--auth", "password", "--pwfile", secret, "--locale", "C", "--encoding", "UTF8", "--no-sync", "--no-instructions")
	c.SysProcAttr, c.Dir = s.as, s.dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, tail(out))
	}
	return nil
}

// Start starts a server that was stopped or killed, at the same address and on the
// same folder, and returns when it answers.
func (s *PostgresServer) Start(ctx context.Context) error {
	if s.command != nil {
		return errors.New("postgres runs already")
	}
	args := []string{
		"-D", filepath.Join(s.dir, "data"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "max_connections=200", "-c", "logging_collector=off",
	}
	if !s.durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()                                                                                          // the server has its own
	c := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.bin, postgresProgram), append(args, s.settings...)...) // #nosec G204 -- a test's own
	c.SysProcAttr, c.Dir, c.Stdout, c.Stderr = s.as, s.dir, log, log
	if err := c.Start(); err != nil {
		return err
	}
	s.command, s.done = c, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		_ = c.Wait()
	}(s.done)
	if err := s.await(ctx); err != nil {
		said, _ := os.ReadFile(s.log())
		s.Kill()
		return fmt.Errorf("postgres at port %d: %w: %s", s.port, err, tail(said))
	}
	return nil
}

func (s *PostgresServer) log() string { return filepath.Join(s.dir, "postgres.log") }

// await returns when the server answers.
func (s *PostgresServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := s.Run(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Run runs SQL in a database of the server.
func (s *PostgresServer) Run(ctx context.Context, database, query string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", // #nosec G204 -- a test's own
		"-p", strconv.Itoa(s.port), "-U", postgresUser, "-d", database, "-c", query)
	c.Env = append(os.Environ(), "PGPASSWORD="+s.password)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", query, err, tail(out))
	}
	return nil
}

// Create makes an empty database and returns its name.
func (s *PostgresServer) Create(ctx context.Context) (string, error) {
	name := "d" + strconv.FormatInt(s.made.Add(1), 10) + "_" + strconv.Itoa(os.Getpid())
	return name, s.Run(ctx, "postgres", "CREATE DATABASE "+name)
}

func (s *PostgresServer) drop(ctx context.Context, name string) error {
	return s.Run(ctx, "postgres", "DROP DATABASE "+name+" WITH (FORCE)")
}

// URL is the address of a database, with the password in it.
func (s *PostgresServer) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresUser, s.password),
		Host: "127.0.0.1:" + strconv.Itoa(s.port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// PID is the server's process, or 0 while it is stopped.
func (s *PostgresServer) PID() int {
	if s.command == nil {
		return 0
	}
	return s.command.Process.Pid
}

// Stop ends the server as an operator does who does not wait for its clients.
func (s *PostgresServer) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server at once, with whatever it was doing: it recovers at the next
// start. Killing one that is stopped is nothing.
func (s *PostgresServer) Kill() { s.end(syscall.SIGQUIT) }

func (s *PostgresServer) end(signal os.Signal) {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Signal(signal)
	select {
	case <-s.done:
	case <-time.After(patience):
		_ = s.command.Process.Kill()
		<-s.done
	}
	s.command = nil
}

// Freeze stops all of the server's processes from running, as a machine that hangs:
// its connections stay open and nothing answers.
func (s *PostgresServer) Freeze() error { return s.all(syscall.SIGSTOP) }

// Thaw ends a [PostgresServer.Freeze].
func (s *PostgresServer) Thaw() error { return s.all(syscall.SIGCONT) }

// all signals the server and its children, which lead groups of their own.
func (s *PostgresServer) all(signal syscall.Signal) error {
	pid := s.PID()
	if pid == 0 {
		return errors.New("postgres does not run")
	}
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for _, field := range append(strings.Fields(string(list)), strconv.Itoa(pid)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		if err := syscall.Kill(child, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// DumpPostgres is everything that stands in the tables of a database, as SQL; bytes
// that are letters stand there as letters.
func DumpPostgres(ctx context.Context, address string) ([]byte, error) {
	return client(ctx, "pg_dump", "--data-only", "--inserts", address)
}

func client(ctx context.Context, program string, args ...string) ([]byte, error) {
	bin, err := postgresFolder()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, filepath.Join(bin, program), args...) // #nosec G204 -- a test's own
	c.Env = append(os.Environ(), "PGOPTIONS=-c bytea_output=escape")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, tail(said.Bytes()))
	}
	return out, nil
}
