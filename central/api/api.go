// Package api is central's HTTP face: the public order API under /v1, the
// organiser's API under /admin/v1, the OpenAPI document that describes both, a
// status page for people, and the wallet's pages under /wallet/.
//
// It decides nothing: it parses, authenticates, asks the sale and the other
// rooms, and writes JSON or problem details (RFC 9457). Nobody who calls is
// trusted: bodies are bounded and decoded strictly, an order answers only to
// whoever has its secret, everything under /admin and /metrics is shut unless an
// admin token is configured and presented, and what belongs to an account to its
// session cookie, which together with a change counts only from our own origin.
// (Prometheus presents it by authorization.credentials_file.) It terminates no TLS and limits no rates; the
// server that it is mounted in and a proxy do. Logs hold routes, outcomes and
// durations, never a path's values, a body, an address or a token.
package api

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// Till is the sale as the API needs it; *sale.Sale is one.
type Till interface {
	Import(ctx context.Context, p *seatmap.Plan) (added bool, err error)
	Rules(ctx context.Context, event ticket.EventID) (ticket.Event, error)
	Listing(ctx context.Context, event ticket.EventID) (sale.Listing, error)
	Listings(ctx context.Context, after ticket.EventID, limit int) ([]sale.Listing, error)
	Places(ctx context.Context, event ticket.EventID, zone uint16, after int32, limit int) ([]sale.PlaceState, error)
	NewChallenge() (sale.Challenge, error)
	Hold(ctx context.Context, r sale.HoldRequest) (o sale.Order, secret string, err error)
	Pay(ctx context.Context, id, secret, provider, token string) (sale.Order, error)
	Payer
	Order(ctx context.Context, id, secret string) (sale.Order, error)
	Refund(ctx context.Context, id string) (sale.Order, error)
	Ticket(ctx context.Context, id ticket.ID) (sale.OwnedTicket, error)
	Owned(ctx context.Context, owner string) ([]sale.OwnedTicket, error)
	Line
}

// MinAdminToken is the shortest admin token that New accepts, in bytes.
const MinAdminToken = 32

// DefaultTimeout is how long a request may take.
const DefaultTimeout = 15 * time.Second

// Config is what the API stands on. Everything but Proxies, AdminToken, Metrics, Web and
// Timeout is required.
type Config struct {
	Till      Till
	Fleet     Fleet
	Publisher Publisher
	Replies   Replies
	Accounts  Accounts
	Identity  Identity
	Minter    Minter
	Leases    Leases
	Receipts  Receipts

	// Queue and Bearer are the waiting rooms; without both there are none.
	Queue  Queue
	Bearer Bearer

	Now    func() time.Time
	Logger *slog.Logger

	// Proxies are whom X-Forwarded-For is believed of: who asked is then whoever it
	// names, else whoever connected. It bounds what one source may try.
	Proxies []string

	// Mint is about tickets' tokens; nil means that there are none.
	Mint *Mint

	// Leader knows who leads among several centrals; nil means that there is one.
	Leader Leader

	// AdminToken opens everything under /admin, and /metrics. Empty keeps both shut.
	AdminToken string

	// Metrics are shown at /metrics beside what is counted there and then; nil
	// shows the latter alone.
	Metrics *Metrics

	// Web serves the wallet under /wallet/; nil leaves it out. It gets GET and HEAD
	// with the path as it was asked for.
	Web http.Handler

	// Timeout bounds the work on one request; zero means DefaultTimeout.
	Timeout time.Duration
}

// API is the handler. It is safe for concurrent use and starts no goroutine.
type API struct {
	cfg    Config
	router *gin.Engine
	admin  secretHash
	pages  *template.Template

	document []byte // OpenAPI
	orphans  orphans

	origin  string // of our own pages
	overTLS bool   // whether that is https, here or at a proxy
}

// New checks the configuration and lays out the routes.
func New(_ context.Context, cfg Config) (*API, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	switch {
	case cfg.Till == nil || cfg.Fleet == nil || cfg.Publisher == nil || cfg.Replies == nil || cfg.Accounts == nil || cfg.Identity == nil || cfg.Now == nil || cfg.Logger == nil:
		return nil, errors.New("api: till, fleet, publisher, replies, accounts, identity, now and logger are required")
	case cfg.AdminToken != "" && len(cfg.AdminToken) < MinAdminToken:
		return nil, fmt.Errorf("api: admin token of %d bytes, want %d or more, or none", len(cfg.AdminToken), MinAdminToken)
	case cfg.Leases == nil || cfg.Receipts == nil || cfg.Minter == nil:
		return nil, errors.New("api: leases, receipts and minter are required")
	}
	if err := cfg.Mint.check(); err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	a := &API{cfg: cfg, router: gin.New(), admin: hashSecret(cfg.AdminToken), origin: cfg.Accounts.RelyingParty().Origin}
	a.overTLS = strings.HasPrefix(a.origin, "https://")
	var err error
	if a.pages, err = pages(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if a.document, err = document(); err != nil {
		return nil, fmt.Errorf("api: description: %w", err)
	}
	if err := a.router.SetTrustedProxies(cfg.Proxies); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	a.router.RemoteIPHeaders = []string{"X-Forwarded-For"}
	a.router.HandleMethodNotAllowed = true
	a.router.RedirectTrailingSlash = false
	a.routes() //nolint:contextcheck // each request brings its own
	return a, nil
}

// routes is every way in. Each stands in a file of openapi/; a test compares.
func (a *API) routes() {
	r := a.router
	if a.cfg.Queue != nil && a.cfg.Bearer != nil {
		a.queueHotRoutes(r)
	}
	r.Use(a.identify, a.legible, a.log, a.guard, a.recover, a.deadline, a.sameOrigin, a.forward)
	r.NoRoute(a.refuse("not_found"))
	r.NoMethod(a.refuse("method_not_allowed"))

	r.GET("/", a.statusPage)
	r.GET("/status.css", a.statusCSS)
	r.GET("/healthz", a.answer(a.health))
	r.GET("/metrics", a.adminOnly, a.metrics)

	v1 := r.Group("/v1")
	v1.GET("/openapi.json", a.openAPI)
	v1.GET("/problems/:code", a.answer(a.problem))
	v1.GET("/events", a.answer(a.events))
	v1.GET("/events/:event", a.answer(a.event))
	v1.GET("/events/:event/seats", a.answer(a.seats))
	v1.POST("/challenges", a.answer(a.challenge))
	v1.POST("/events/:event/orders", a.anyone, a.once(a.hold))
	v1.GET("/orders/:order", a.answer(a.order))
	v1.POST("/orders/:order/pay", a.once(a.pay))
	for name, form := range sheets() {
		v1.GET("/orders/:order/tickets/:ticket/"+name, a.sheet(form, a.orderedTicket))
		v1.GET("/wallet/tickets/:ticket/"+name, a.person, a.sheet(form, a.ownedTicket))
	}
	a.paymentRoutes(v1)
	a.payPageRoutes(r)
	a.accountRoutes(v1)
	a.walletRoutes(v1)
	a.leaseRoutes(v1)
	a.webRoutes(r)

	r.GET("/admin/conflicts", a.adminPage, a.conflictsPage)
	r.GET("/admin/incidents", a.adminPage, a.incidentsPage)
	admin := r.Group("/admin/v1", a.adminOnly)
	admin.POST("/events", a.answer(a.importEvent))
	admin.POST("/events/:event/publish", a.answer(a.publish))
	admin.GET("/events/:event/ledger", a.answer(a.ledger))
	admin.GET("/events/:event/conflicts", a.answer(a.conflicts))
	admin.POST("/orders/:order/refund", a.once(a.refund))
	admin.POST("/enrol-codes", a.answer(a.enrolCode))
	admin.GET("/devices", a.answer(a.devices))
	admin.POST("/devices/:device/revoke", a.answer(a.revoke))
	admin.GET("/incidents", a.answer(a.incidents))
	admin.GET("/incidents/:incident/evidence", a.evidence)
	a.walletAdminRoutes(admin)
	if a.cfg.Queue != nil && a.cfg.Bearer != nil {
		a.queueRoutes(r, v1, admin)
	}
	a.roleRoutes(admin)
	a.lineRoutes(v1, admin)
	a.mintRoutes(v1, admin)
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// Server returns an HTTP server for the API with the time and size limits that
// keep a slow or large client from holding it. The caller gives it a listener.
func (a *API) Server() *http.Server {
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       a.cfg.Timeout,
		WriteTimeout:      2 * a.cfg.Timeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// handler does one request and returns the status and what to write as JSON.
// ctx is the request's: a *gin.Context is used again for other requests and must
// not reach anything that may outlive this one.
type handler func(ctx context.Context, c *gin.Context) (status int, body any, err error)

// answer writes what a handler returns.
func (a *API) answer(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		status, body, err := h(c.Request.Context(), c)
		if err != nil {
			a.fail(c, err)
			return
		}
		c.JSON(status, body)
	}
}

// refuse answers everything with one problem.
func (a *API) refuse(code codeError) gin.HandlerFunc {
	return func(c *gin.Context) { a.fail(c, code) }
}

func (a *API) health(ctx context.Context, _ *gin.Context) (int, any, error) {
	if _, err := a.cfg.Till.Listings(ctx, 0, 1); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"status": "ok"}, nil
}
