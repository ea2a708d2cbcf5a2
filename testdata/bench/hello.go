package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/surge"
	"github.com/con-ting/conting/testdata/stage"
)

// serveHello is the least that a route of gin can do, in a process of its own: what a poll is measured
// beside. It prints its address and serves until it is asked to end.
func serveHello(ctx context.Context, stdout io.Writer) error {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if _, err := fmt.Fprintf(stdout, "%s\n", l.Addr()); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// hello is that process.
type hello struct {
	process *stage.Process
	url     string
}

func startHello(ctx context.Context, dir string) (*hello, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	p, err := stage.Start(ctx, dir, "hello", self, nil, func(line []byte) {
		select {
		case address <- strings.TrimSpace(string(line)):
		default:
		}
	}, "hello")
	if err != nil {
		return nil, err
	}
	select {
	case a := <-address:
		return &hello{process: p, url: "http://" + a}, nil
	case <-p.Done():
		return nil, fmt.Errorf("the hello server ended; see %s", filepath.Join(dir, "hello.log"))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// steady is a crowd that asks the same thing at the same rate.
type steady struct {
	ask   func(person int, b []byte) []byte
	every time.Duration
}

func (s *steady) Steps() []string { return []string{"poll"} }

func (s *steady) Ask(person int, b []byte) ([]byte, int) { return s.ask(person, b), 0 }

func (s *steady) Hear(_ int, a *surge.Answer) (time.Duration, bool) {
	return max(s.every-(a.Done-a.Meant), 0), true
}

// The rate at which CPU for each request is measured: what leaves two cores air.
const (
	steadyPeople = 10_000
	steadyEvery  = 2 * time.Second
	steadyFor    = 6 * time.Second
)

// cpuOf is the CPU time, in microseconds, that a process spends on each of a crowd's requests.
func cpuOf(ctx context.Context, pid int, url string, ask func(person int, b []byte) []byte) (float64, error) {
	before, err := cpuUsed(pid)
	if err != nil {
		return 0, err
	}
	res, err := surge.Run(ctx, surge.Config{
		URL: url, People: steadyPeople, Ramp: steadyEvery, Duration: steadyFor, Connections: connections, Now: time.Now,
	}, &steady{ask: ask, every: steadyEvery})
	if err != nil {
		return 0, err
	}
	after, err := cpuUsed(pid)
	if err != nil {
		return 0, err
	}
	if res.Errors > 0 || res.Requests == 0 {
		return 0, fmt.Errorf("%d of %d requests failed: %v", res.Errors, res.Requests, res.Failures)
	}
	return float64((after - before).Microseconds()) / float64(res.Requests), nil
}

// cpu is what gin needs for a hello.
func (h *hello) cpu(ctx context.Context) (float64, error) {
	request := []byte("GET /hello HTTP/1.1\r\nHost: " + strings.TrimPrefix(h.url, "http://") + "\r\n\r\n")
	return cpuOf(ctx, h.process.PID(), h.url, func(_ int, b []byte) []byte { return append(b, request...) })
}
