// Package panel is the face of a lane: a page that is all answer, the health of
// the gate for machines, and its metrics.
//
// The page fills the screen beside the lane with admit, refuse or look, follows
// the lane over server-sent events and needs nothing from anywhere else. The
// panel shows, and asks nobody who they are. It is therefore bound to this machine
// unless it is told otherwise, and it never shows more of a ticket than its zone,
// class and seat, nor more of a credential than what it says and who issued it.
//
// Where a steward stands it takes one order, to confirm a referral. Then it is
// bound to this machine in any case, and takes the order only from a page that it
// served itself: whoever touches that screen is the steward.
//
// It gives out a picture of the camera to who knows a secret that only the gate's
// user can read, never beyond this machine, and says so in the log.
//
// Requests are not trusted: their size, number and time are bounded, only this
// machine's names are served on a loopback address, and a screen that does not
// keep up is dropped rather than waited for.
package panel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/con-ting/conting/gate/admit"
)

// DefaultListen is used for an empty [Config.Listen]: this machine only, a port
// that is free.
const DefaultListen = "127.0.0.1:0"

// Config holds what a panel shows and where.
type Config struct {
	// Listen is the address, [DefaultListen] if empty. Anything but a loopback
	// address shows the lane's page and figures to the whole network.
	Listen string

	Gate, Lane string

	// Language is the page's own language, "ko" or "en"; a visitor may ask for the
	// other with ?lang=. Empty means "ko".
	Language string

	// Version is shown by /metrics and /healthz.
	Version string

	// Status says how the gate is. It is asked about twice a second and must
	// return at once. Required.
	Status func() Status

	// Health lists the checks for /healthz. It is asked with each request and
	// every few seconds. Nil means that there are none.
	Health func(context.Context) []Check

	// Nonce returns the text that wallets must answer, and QR draws a text as an
	// SVG document. Both nil means that this lane shows no nonces.
	Nonce func() (string, error)
	QR    func(text string) (svg []byte)

	// Confirm is the steward's word on a referral, by the sequence number of its
	// entry. The error wraps [ErrGone] or [ErrBusy]. Nil means that nobody stands
	// here. Token is what the page proves itself by: a secret of at least 16
	// characters, fresh at each start.
	Confirm func(ctx context.Context, seq uint64) error
	Token   string

	// Snapshot takes one picture of the camera, as PNG, for who proves to know
	// SnapshotToken, a secret of at least 16 characters, fresh at each start. It is
	// served on a loopback address only. Nil means that there are no pictures.
	Snapshot      func(ctx context.Context) (png []byte, err error)
	SnapshotToken string

	Logger *slog.Logger

	// Now is the system clock, for time-outs and for how long ago something was.
	Now func() time.Time
}

// Status is how the gate is, at this moment.
type Status struct {
	Mode   admit.Mode    // whom the gate can ask
	Behind time.Duration // since the last word from central
	Unseen int           // how many other gates this one cannot see
	AtRisk int           // at most so many tickets could be used at another gate as well

	Unacked    uint64        // journal entries that central has not acknowledged
	SetVersion uint64        // of the ticket set, 0 for none
	SetAge     time.Duration // since the set was signed
	Delta      uint64        // the last change that was applied to it
	Admitted   uint32        // how many this gate has let in

	Clock       string        // where the time comes from
	Uncertainty time.Duration // of the time

	// Challenge asks everybody to answer the nonce: the event wants it, or the
	// clock is too uncertain for anything else.
	Challenge bool

	// Offer shows the nonce beside everything else, for those who want to answer it.
	Offer bool

	// Location is the time zone that the screen tells times in; nil is UTC.
	Location *time.Location
}

// Online reports whether somebody above the gates answers.
func (s Status) Online() bool { return s.Mode == admit.ModeHub || s.Mode == admit.ModeCentral }

// Panel serves the page. Decided, Settled and Looked may be called from any
// goroutine and return at once.
type Panel struct {
	cfg      Config
	listener net.Listener
	server   *http.Server
	screen   *screen
	metrics  *metrics
	pages    map[string][]byte // by language
	loopback bool
	posing   sync.Mutex // held while a picture is taken; guards nothing
}

// New binds the address. Nothing is served before Run.
func New(ctx context.Context, cfg Config) (*Panel, error) {
	switch {
	case cfg.Gate == "" || cfg.Lane == "":
		return nil, errors.New("panel needs the names of the gate and the lane")
	case cfg.Status == nil || cfg.Logger == nil || cfg.Now == nil:
		return nil, errors.New("panel needs a status, a logger and a clock")
	case cfg.Confirm != nil && len(cfg.Token) < minToken:
		return nil, errors.New("panel that takes orders needs a token")
	case cfg.Snapshot != nil && len(cfg.SnapshotToken) < minToken:
		return nil, errors.New("panel that gives out pictures needs a token")
	case (cfg.Nonce == nil) != (cfg.QR == nil):
		return nil, errors.New("panel needs a nonce and a way to draw it, or neither")
	}
	if cfg.Language == "" {
		cfg.Language = languages[0]
	}
	if cfg.Listen == "" {
		cfg.Listen = DefaultListen
	}
	if cfg.Health == nil {
		cfg.Health = func(context.Context) []Check { return nil }
	}
	p := &Panel{cfg: cfg, screen: newScreen(cfg)}
	var err error
	if p.pages, err = renderPages(cfg); err != nil {
		return nil, err
	}
	if _, ok := p.pages[cfg.Language]; !ok {
		return nil, fmt.Errorf("panel speaks no %q, only %q", cfg.Language, languages)
	}
	if p.metrics, err = newMetrics(cfg, p.screen.watchers); err != nil {
		return nil, err
	}
	p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("panel: is another gate running on this machine? %w", err)
	}
	if a, ok := p.listener.Addr().(*net.TCPAddr); ok {
		p.loopback = a.IP.IsLoopback()
	}
	if cfg.Confirm != nil && !p.loopback {
		return nil, errors.Join(fmt.Errorf("panel on %s takes no orders: bind it to a loopback address", p.listener.Addr()), p.listener.Close())
	}
	p.server = &http.Server{
		Handler:           p.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second, // the stream of events moves its own
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return p, nil
}

// Addr returns the address that the panel is bound to.
func (p *Panel) Addr() net.Addr { return p.listener.Addr() }

// Run serves until the context ends, and returns when the last request has.
func (p *Panel) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { p.screen.run(ctx) })
	work.Go(func() {
		<-ctx.Done()
		p.screen.close() // ends the streams, which Shutdown would wait for
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := p.server.Shutdown(end); err != nil {
			_ = p.server.Close() // the listener is closed already; only requests are cut
		}
	})
	err := p.server.Serve(limit(p.listener, maxConnections))
	stop()
	work.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("panel: %w", err)
	}
	return nil
}
