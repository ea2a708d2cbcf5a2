package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redisProgram is what Debian's redis-server and valkey-redis-compat install.
const redisProgram = "redis-server"

// patience is how long a server may take to answer, on a machine that does much
// else.
const patience = time.Minute

// RedisServer is one Redis server on a loopback port of its own. Its methods are
// for one goroutine at a time.
type RedisServer struct {
	cfg     redisConfig
	dir     string
	port    int
	tls     *tls.Config // to speak to it; nil for plain TCP
	command *exec.Cmd   // nil while it is stopped
	done    chan struct{}
}

type redisConfig struct {
	password string
	tls      bool
	append   string
	cluster  bool
	master   string
	watch    string // the name that a sentinel gives to its master
	settings []string
}

// RedisOption changes how a server is started.
type RedisOption func(*redisConfig)

// RedisPassword asks every client for a password.
func RedisPassword(password string) RedisOption {
	return func(c *redisConfig) { c.password = password }
}

// RedisTLS has the server speak TLS only, with a certificate that [RedisServer.CA]
// signed.
func RedisTLS() RedisOption { return func(c *redisConfig) { c.tls = true } }

// RedisAppend has the server keep an append-only file, synced to disk "always" or
// "everysec". Without it a server that ends forgets everything.
func RedisAppend(fsync string) RedisOption { return func(c *redisConfig) { c.append = fsync } }

// RedisReplica has the server follow the one at that address.
func RedisReplica(master string) RedisOption { return func(c *redisConfig) { c.master = master } }

// RedisSet sets a directive of redis.conf.
func RedisSet(key string, values ...string) RedisOption {
	return func(c *redisConfig) { c.settings = append(append(c.settings, "--"+key), values...) }
}

func redisInCluster() RedisOption { return func(c *redisConfig) { c.cluster = true } }

// Redis starts a server that ends with the test. Where redis-server is not
// installed it skips the test.
func Redis(t testing.TB, options ...RedisOption) *RedisServer {
	t.Helper()
	if _, err := exec.LookPath(redisProgram); err != nil {
		t.Skip("SKIPPED: redis-server is not installed (apt-get install redis-server): the queue on Redis is NOT tested")
	}
	s, err := StartRedis(context.WithoutCancel(t.Context()), t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// StartRedis is [Redis] for a program that is no test: the caller ends it with
// [RedisServer.Kill]. The folder exists and is the server's alone.
func StartRedis(ctx context.Context, dir string, options ...RedisOption) (*RedisServer, error) {
	s := &RedisServer{dir: dir}
	for _, option := range options {
		option(&s.cfg)
	}
	if s.cfg.tls {
		pool, err := makeCertificate(dir)
		if err != nil {
			return nil, err
		}
		s.tls = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	}
	var err error
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

// Start starts a server that was stopped or killed, at the same address and on the
// same folder, and returns when it answers.
func (s *RedisServer) Start(ctx context.Context) error {
	if s.command != nil {
		return errors.New("redis-server runs already")
	}
	args, err := s.arguments()
	if err != nil {
		return err
	}
	// The server outlives neither a test that is killed nor its own folder.
	command := exec.CommandContext(context.WithoutCancel(ctx), redisProgram, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return err
	}
	s.command, s.done = command, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		_ = command.Wait()
	}(s.done)
	if err := s.await(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
		s.Kill()
		return fmt.Errorf("redis-server at %s: %w: %s", s.Addr(), err, tail(log))
	}
	return nil
}

// arguments is the server's configuration.
func (s *RedisServer) arguments() ([]string, error) {
	if s.cfg.watch != "" {
		return s.sentinel()
	}
	port := strconv.Itoa(s.port)
	args := []string{
		"--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--daemonize", "no", "--logfile", "redis.log",
		"--pidfile", filepath.Join(s.dir, "redis.pid"), "--repl-diskless-sync-delay", "0",
	}
	if s.cfg.tls {
		args = append(args, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no", "--tls-replication", "yes",
			"--tls-cert-file", filepath.Join(s.dir, certificateFile), "--tls-key-file", filepath.Join(s.dir, keyFile),
			"--tls-ca-cert-file", filepath.Join(s.dir, authorityFile))
	} else {
		args = append(args, "--port", port)
	}
	if s.cfg.append == "" {
		args = append(args, "--appendonly", "no")
	} else {
		args = append(args, "--appendonly", "yes", "--appendfsync", s.cfg.append)
	}
	if s.cfg.password != "" {
		args = append(args, "--requirepass", s.cfg.password, "--masterauth", s.cfg.password)
	}
	if s.cfg.cluster {
		bus, err := freePort()
		if err != nil {
			return nil, err
		}
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "2000")
	}
	if s.cfg.master != "" {
		host, of, _ := strings.Cut(s.cfg.master, ":")
		args = append(args, "--replicaof", host, of)
	}
	return append(args, s.cfg.settings...), nil
}

// await returns when the server answers commands.
func (s *RedisServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := s.do(ctx, "PING")
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Addr is the server's host:port.
func (s *RedisServer) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// URL is the server's address without its password: redis:// or rediss://.
func (s *RedisServer) URL() string {
	u := url.URL{Scheme: "redis", Host: s.Addr()}
	if s.cfg.tls {
		u.Scheme = "rediss"
	}
	return u.String()
}

// CA is the PEM file of the authority that signed the server's certificate, of a
// server started with [RedisTLS].
func (s *RedisServer) CA() string { return filepath.Join(s.dir, authorityFile) }

// Password is what [RedisPassword] set.
func (s *RedisServer) Password() string { return s.cfg.password }

// PID is the process, or 0 while the server is stopped.
func (s *RedisServer) PID() int {
	if s.command == nil {
		return 0
	}
	return s.command.Process.Pid
}

// Kill ends the server at once, as SIGKILL does. What it had not written to its
// append-only file is lost. Killing one that is stopped is nothing.
func (s *RedisServer) Kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.done
	s.command = nil
}

// Freeze stops the server from running, as a machine that hangs: its connections
// stay open and nothing answers.
func (s *RedisServer) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *RedisServer) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *RedisServer) signal(sig syscall.Signal) error {
	if s.command == nil {
		return errors.New("redis-server is stopped")
	}
	return s.command.Process.Signal(sig)
}

// Do runs one command on a connection of its own and returns its answer; the items
// of an answer that is an array stand on lines of their own.
func (s *RedisServer) Do(args ...string) (string, error) {
	return s.do(context.Background(), args...)
}

func (s *RedisServer) do(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := dialRedis(ctx, s.Addr(), s.tls)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if s.cfg.password != "" {
		if _, err := c.do("AUTH", s.cfg.password); err != nil {
			return "", err
		}
	}
	return c.do(args...)
}

// Await runs a command until its answer is as wanted, and fails the test when that
// takes too long.
func (s *RedisServer) Await(t testing.TB, want func(answer string) bool, args ...string) {
	t.Helper()
	last, end := "", time.Now().Add(patience)
	for time.Now().Before(end) {
		answer, err := s.Do(args...)
		if err == nil && want(answer) {
			return
		}
		last = fmt.Sprint(answer, err)
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s at %s: %s", strings.Join(args, " "), s.Addr(), last)
}

func tail(log []byte) string {
	return string(log[max(0, len(log)-600):])
}
