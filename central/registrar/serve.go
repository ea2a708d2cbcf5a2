package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// defaultListen is the port that the default status URL names.
const defaultListen = "localhost:8099"

// runServe serves two files to anybody who asks. It signs nothing: "registrar
// status" does, from time to time.
func runServe(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	r, err := folder(f.dir).open()
	if err != nil {
		return err
	}
	h, err := r.handler()
	if err != nil {
		return err
	}
	if f.listen == "" {
		f.listen = defaultListen
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	if _, err := fmt.Fprintf(a.out, "http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }() // ends with Shutdown or Close
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = s.Shutdown(patience)
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// handler serves the status list at the path of its URL, and the document where
// the did:web method looks for it.
func (r *registrar) handler() (http.Handler, error) {
	u, err := url.Parse(r.self.StatusURL)
	if err != nil {
		return nil, err
	}
	i, err := r.issuer()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+u.Path, func(w http.ResponseWriter, _ *http.Request) {
		raw, err := os.ReadFile(r.dir.path(statusFile))
		if err != nil {
			http.Error(w, "no status list", http.StatusServiceUnavailable)
			return
		}
		send(w, "application/jwt", raw)
	})
	if i.Document != nil {
		mux.HandleFunc("GET "+documentPath(i.DID), func(w http.ResponseWriter, _ *http.Request) { send(w, "application/did+json", i.Document) })
	}
	return mux, nil
}

// documentPath is where the document of a did:web is, on its host.
func documentPath(did string) string {
	parts := strings.Split(did, ":")[3:]
	if len(parts) == 0 {
		return "/.well-known/did.json"
	}
	return "/" + strings.Join(parts, "/") + "/did.json"
}

// send writes an answer. Whoever hangs up early misses the rest of it.
func send(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=60")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}
