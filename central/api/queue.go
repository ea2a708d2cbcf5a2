package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Queue is the waiting rooms as the API needs them; *queue.Queue is one.
type Queue interface {
	Enter(ctx context.Context, in queue.Request) (queue.Place, queue.Receipt, error)
	Poll(event ticket.EventID, token string) (queue.Place, error)
	Leave(ctx context.Context, event ticket.EventID, token string) error
	Watch(ctx context.Context, event ticket.EventID, token string, tell func(queue.Place) error) error
	Info(event ticket.EventID) (queue.Info, error)
	Infos() []queue.Info
	Put(ctx context.Context, event ticket.EventID, s queue.Settings) (queue.Info, error)
	Announce(ctx context.Context, event ticket.EventID, beacon string) (queue.Info, error)
	WriteShuffle(ctx context.Context, event ticket.EventID, w io.Writer) error
}

// Bearer says whose an access token is; *account.Access is one.
type Bearer interface {
	// Check returns the account, or an error wrapping [account.ErrAccess].
	Check(token string) (account string, err error)
}

const (
	queueTokenHeader = "Queue-Token"
	maxQueueBody     = 1 << 10
	shufflesAtOnce   = 4
)

// queueHotRoutes are those that a crowd asks for. They stand before everything that
// other routes go through: no line in the log for each, no session, no request id.
// They take their identity from tokens in headers, which no other site can make a
// browser send.
func (a *API) queueHotRoutes(r *gin.Engine) {
	cr := newCrowd(a)
	r.POST("/v1/events/:event/queue", a.recover, a.deadline, a.sameOrigin, cr.enterQueue)
	r.GET("/v1/events/:event/queue", a.recover, cr.pollQueue)
	r.DELETE("/v1/events/:event/queue", a.recover, a.deadline, a.sameOrigin, cr.leaveQueue)
	r.GET("/v1/events/:event/queue/stream", a.recover, cr.streamQueue)
	slots := make(chan struct{}, shufflesAtOnce)
	r.GET("/v1/events/:event/queue/shuffle", a.recover, func(c *gin.Context) { cr.shuffleFile(c, slots) })
}

// queueRoutes are the others.
func (a *API) queueRoutes(r *gin.Engine, v1, admin *gin.RouterGroup) {
	v1.GET("/events/:event/queue/info", a.answer(a.queueInfo))
	admin.GET("/events/:event/queue", a.answer(a.queueRoom))
	admin.PUT("/events/:event/queue", a.answer(a.putQueue))
	admin.POST("/events/:event/queue/beacon", a.answer(a.queueBeacon))
	r.GET("/queue/:event", a.queuePage)
	r.GET("/queue.js", a.pageFile("page/queue.js", "text/javascript; charset=utf-8"))
	r.GET("/queue.css", a.pageFile("page/queue.css", "text/css; charset=utf-8"))
}

// crowd answers those who stand in line. What its answers share is made once.
type crowd struct {
	*API
	json, noStore, noSniff []string // header values, which nobody changes
	buffers                sync.Pool
}

func newCrowd(a *API) *crowd {
	return &crowd{
		API: a, json: []string{"application/json; charset=utf-8"}, noStore: []string{"no-store"}, noSniff: []string{"nosniff"},
		buffers: sync.Pool{New: func() any { return new([1536]byte) }},
	}
}

// write writes a place as JSON, without reflection.
func (a *crowd) write(c *gin.Context, p *queue.Place, receipt string) {
	h := c.Writer.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = a.json, a.noStore, a.noSniff
	buf, ok := a.buffers.Get().(*[1536]byte)
	if !ok {
		buf = new([1536]byte)
	}
	defer a.buffers.Put(buf)
	_, _ = c.Writer.Write(appendPlace(buf[:0], p, receipt)) // whoever has gone asks again
}

func (a *crowd) pollQueue(c *gin.Context) {
	event, err := eventParam(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	p, err := a.cfg.Queue.Poll(event, c.Request.Header.Get(queueTokenHeader))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.write(c, &p, "")
}

// enterBody is what somebody may bring who enters.
type enterBody struct {
	Work  string `json:"work"`
	Token string `json:"token"`
}

func (a *crowd) enterQueue(c *gin.Context) {
	event, err := eventParam(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	who, err := a.cfg.Bearer.Check(bearer(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	body, err := readBody(c, maxQueueBody)
	if err != nil {
		a.fail(c, err)
		return
	}
	var b enterBody
	if !bytes.Equal(body, []byte("{}")) {
		if err := decodeJSON(body, &b); err != nil {
			a.fail(c, err)
			return
		}
	}
	p, receipt, err := a.cfg.Queue.Enter(c.Request.Context(), queue.Request{Event: event, Account: who, Token: b.Token, Work: b.Work})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.write(c, &p, receipt.Text)
}

func (a *crowd) leaveQueue(c *gin.Context) {
	event, err := eventParam(c)
	if err == nil {
		err = a.cfg.Queue.Leave(c.Request.Context(), event, c.Request.Header.Get(queueTokenHeader))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// streamQueue tells somebody at the front their place as it changes (server-sent
// events). It ends by itself when the waiting is over.
func (a *crowd) streamQueue(c *gin.Context) {
	event, err := eventParam(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	begun := false
	out := http.NewResponseController(c.Writer)
	var buf []byte
	err = a.cfg.Queue.Watch(c.Request.Context(), event, c.Request.Header.Get(queueTokenHeader), func(p queue.Place) error {
		if !begun {
			begun = true
			if err := streamTimes(out); err != nil {
				return err
			}
			h := c.Writer.Header()
			h.Set("Content-Type", "text/event-stream")
			h["Cache-Control"], h["X-Content-Type-Options"] = a.noStore, a.noSniff
			h.Set("X-Accel-Buffering", "no")
		}
		buf = append(buf[:0], "event: place\ndata: "...)
		buf = append(appendPlace(buf, &p, ""), '\n', '\n')
		if _, err := c.Writer.Write(buf); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil && !begun {
		a.fail(c, err)
	}
}

// shuffleFile serves what anybody can recompute the order from. It may be cached,
// for it never changes once the room is open.
func (a *crowd) shuffleFile(c *gin.Context, slots chan struct{}) {
	event, err := eventParam(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	default:
		a.fail(c, codeError("queue_unavailable"))
		return
	}
	info, err := a.cfg.Queue.Info(event)
	switch {
	case err != nil:
	case !info.Sealed:
		err = queue.ErrNotSealed
	default:
		h := c.Writer.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="shuffle-`+event.String()+`.txt"`)
		h["X-Content-Type-Options"] = a.noSniff
		h["Cache-Control"] = a.noStore
		if info.Open {
			h.Set("Cache-Control", "public, max-age=86400, immutable")
		}
		err = a.cfg.Queue.WriteShuffle(c.Request.Context(), event, c.Writer)
	}
	if err == nil {
		return
	}
	if c.Writer.Written() { // half a file does not verify: it says how long it is
		return
	}
	for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control"} {
		c.Writer.Header().Del(name)
	}
	a.fail(c, err)
}

func (a *API) queuePage(c *gin.Context) {
	event, err := eventParam(c)
	if err == nil {
		_, err = a.cfg.Queue.Info(event)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	b, err := pageFiles.ReadFile("page/queue.html")
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", b)
}

// pageFile serves one embedded file.
func (a *API) pageFile(name, kind string) gin.HandlerFunc {
	return func(c *gin.Context) {
		b, err := pageFiles.ReadFile(name)
		if err != nil {
			a.fail(c, err)
			return
		}
		c.Header("Cache-Control", "public, max-age=3600")
		c.Data(http.StatusOK, kind, b)
	}
}
