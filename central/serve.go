package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
)

const (
	drainTime   = 10 * time.Second // open HTTP requests may take this long at the end
	housekeep   = time.Hour        // how often certificate and trust list are looked after
	authorizing = 5 * time.Second
)

// server is a running central. Its parts are named in the order in which they
// start; they end in the opposite order.
type server struct {
	cfg    config
	dir    folder
	logger *slog.Logger
	now    func() time.Time

	lock      *os.File
	keys      *keys
	cert      *serverCert
	store     *store.Store
	fleet     *fleet.Fleet
	metrics   *api.Metrics
	record    *publish.Publisher // never runs: for what a central that does not lead is asked
	sandbox   *pay.Sandbox       // nil without one
	places    queue.Engine       // of queue
	queue     *queue.Queue
	sale      *sale.Sale
	accounts  *account.Accounts
	access    *account.Access
	identity  *identity.Identity
	minter    *minter                // nil without one
	cluster   *cluster               // nil unless the database is shared
	office    atomic.Pointer[office] // nil while another central leads
	device    listener
	api       listener
	addresses addresses
}

// listener is an HTTP server with its address.
type listener struct {
	net.Listener
	http *http.Server
}

func runServe(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	s := &server{cfg: cfg, dir: folder(cfg.DataDir), logger: cfg.logger(a.err), now: a.now}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.run(ctx, a.pid)
}

// open makes every part, so that nothing runs before all of it can.
func (s *server) open(ctx context.Context) (err error) {
	if s.lock, err = s.dir.lock(); err != nil {
		return err
	}
	if s.keys, err = s.dir.loadKeys(); err != nil {
		return err
	}
	if s.cert, err = s.dir.loadCert(s.keys, s.cfg.Hosts, s.now()); err != nil {
		return err
	}
	at, err := s.cfg.database(s.logger, s.now)
	if err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, at); err != nil {
		return err
	}
	if err = s.listen(ctx); err != nil {
		return err
	}
	if err = s.openFleet(ctx); err != nil {
		return err
	}
	if s.metrics, err = api.NewMetrics(version); err != nil {
		return err
	}
	if s.record, err = s.newPublisher(ctx, nowhere{}); err != nil {
		return err
	}
	if err = s.openQueue(ctx); err != nil {
		return err
	}
	if err = s.openSale(ctx); err != nil {
		return err
	}
	if err = s.openAccounts(ctx); err != nil {
		return err
	}
	if err = s.openIdentity(ctx); err != nil {
		return err
	}
	if err = s.openMint(ctx); err != nil {
		return err
	}
	if err = s.openLeader(ctx); err != nil {
		return err
	}
	return s.openAPI(ctx)
}

// listen takes the HTTP addresses, which enrolment strings need to know.
func (s *server) listen(ctx context.Context) error {
	var lc net.ListenConfig
	for _, l := range []struct {
		at  *listener
		key string
		on  string
	}{{&s.device, "device.listen", s.cfg.Device.Listen}, {&s.api, "api.listen", s.cfg.API.Listen}} {
		got, err := lc.Listen(ctx, "tcp", l.on)
		if err != nil {
			return hint.Errorf("stop what listens there, or change "+l.key, "%s: %w", l.key, err)
		}
		l.at.Listener = got
	}
	s.addresses.API = "https://" + s.reach(s.api.Addr())
	if s.cfg.API.Certificate == "" { // on loopback: a host name could lead the admin token elsewhere, in clear
		s.addresses.API = "http://" + s.api.Addr().String()
	}
	s.addresses.Device = "https://" + s.reach(s.device.Addr())
	return nil
}

// reach is how others reach an address that central listens on.
func (s *server) reach(addr net.Addr) string {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return net.JoinHostPort(s.cfg.Hosts[0], port)
}

// run serves until ctx ends, or until a part cannot go on. At the end the HTTP
// listeners finish what they have begun, then what the leader does ends, its broker
// says goodbye, and the database is the last (see close). Nothing
// depends on a last message: what was stored is sent at the next start.
func (s *server) run(ctx context.Context, pid int) error {
	quiet, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives the HTTP servers
	defer stop()
	inner, innerCtx := errgroup.WithContext(quiet)
	inner.Go(func() error { return s.runLeader(innerCtx) })
	inner.Go(func() error { return ignoreCanceled(s.queue.Run(innerCtx)) })
	inner.Go(func() error { return ignoreCanceled(s.accounts.Run(innerCtx)) })
	inner.Go(func() error { return s.keepHouse(innerCtx) })
	inner.Go(func() error { return s.runSandbox(innerCtx) })

	outer, outerCtx := errgroup.WithContext(ctx)
	for _, l := range []*listener{&s.device, &s.api} {
		outer.Go(func() error { return l.serve() })
		outer.Go(func() error {
			<-outerCtx.Done()
			return l.shut(context.WithoutCancel(outerCtx))
		})
	}
	outer.Go(func() error {
		select {
		case <-outerCtx.Done():
			return nil
		case <-innerCtx.Done():
			return errors.New("a part of central has ended") // inner.Wait says which
		}
	})
	s.awaitLeader(outerCtx)
	s.addresses.PID = pid
	text, err := json.MarshalIndent(s.addresses, "", "  ")
	if err != nil {
		return err
	}
	if err := s.dir.replace(addressesFile, append(text, '\n')); err != nil {
		return err
	}
	defer func() { _ = os.Remove(s.dir.path(addressesFile)) }()
	s.logger.InfoContext(ctx, "central is ready", slog.String("version", version), slog.String("api", s.addresses.API),
		slog.String("device", s.addresses.Device), slog.String("mqtt", s.addresses.MQTT), slog.String("wallet", s.addresses.Wallet))

	outside := outer.Wait()
	s.logger.InfoContext(ctx, "central is ending")
	stop()
	return errors.Join(inner.Wait(), outside)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (l *listener) serve() error {
	var err error
	if l.http.TLSConfig != nil {
		err = l.http.ServeTLS(l.Listener, "", "")
	} else {
		err = l.http.Serve(l.Listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (l *listener) shut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if err := l.http.Shutdown(ctx); err != nil {
		return errors.Join(err, l.http.Close())
	}
	return nil
}

// keepHouse renews the server certificate in time.
func (s *server) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(housekeep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.cert.renew(s.keys, s.cfg.Hosts, s.now()); err != nil {
			s.logger.ErrorContext(ctx, "server certificate was not renewed", slog.Any("error", err))
		}
	}
}

// close ends what open made, as far as it came.
func (s *server) close() {
	var errs []error
	for _, l := range []*listener{&s.api, &s.device} {
		if l.Listener != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if o := s.office.Load(); o != nil { // opened, and never run
		errs = append(errs, o.close())
	}
	if s.sandbox != nil {
		errs = append(errs, s.sandbox.Close())
	}
	errs = append(errs, s.minter.close(), s.closeQueue())
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		s.logger.Warn("not everything was closed", slog.Any("error", err)) //nolint:sloglint // the context has ended
	}
}
