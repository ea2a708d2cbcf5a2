package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/sync/ticket"
)

//go:embed page
var pageFiles embed.FS

// pageCSP lets a page load its own style sheet and nothing else.
const pageCSP = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// maxPage is how many events or conflicts a page shows.
const maxPage = 200

type statusView struct {
	Now              time.Time
	Online, Enrolled int
	Incidents        uint64
	Events           []statusEvent
}

type statusEvent struct {
	eventSummary
	Ledger, Conflicts uint64
}

// Percent is how much of the event is sold, for the bar.
func (e statusEvent) Percent() int {
	if e.Places == 0 {
		return 0
	}
	return 100 * e.Sold / e.Places
}

// Local is a time where the event takes place, or UTC where that is unknown.
func (e statusEvent) Local(t time.Time) string {
	loc, err := time.LoadLocation(e.Timezone)
	if err != nil {
		loc = time.UTC
	}
	return t.In(loc).Format("2006-01-02 15:04 MST")
}

// statusPage shows counts that concern no person.
func (a *API) statusPage(c *gin.Context) {
	ctx := c.Request.Context()
	v := statusView{Now: a.cfg.Now().UTC()}
	var err error
	if v.Online, v.Enrolled, err = a.cfg.Fleet.Online(ctx); err != nil {
		a.fail(c, err)
		return
	}
	if v.Incidents, err = a.cfg.Publisher.IncidentCount(ctx); err != nil {
		a.fail(c, err)
		return
	}
	ls, err := a.cfg.Till.Listings(ctx, 0, maxPage)
	if err != nil {
		a.fail(c, err)
		return
	}
	for i := range ls {
		e := statusEvent{eventSummary: summary(&ls[i])}
		if e.Ledger, e.Conflicts, err = a.cfg.Publisher.Head(ctx, e.ID); err != nil {
			a.fail(c, err)
			return
		}
		v.Events = append(v.Events, e)
	}
	a.render(c, "status.html", v)
}

type conflictsView struct {
	Now    time.Time
	Events []conflictsEvent
}

type conflictsEvent struct {
	eventSummary
	Conflicts []Conflict
	More      bool
}

// conflictsPage shows which tickets were admitted more than once, where and when.
func (a *API) conflictsPage(c *gin.Context) {
	ctx := c.Request.Context()
	v := conflictsView{Now: a.cfg.Now().UTC()}
	ls, err := a.cfg.Till.Listings(ctx, 0, maxPage)
	if err != nil {
		a.fail(c, err)
		return
	}
	for i := range ls {
		e := conflictsEvent{eventSummary: summary(&ls[i])}
		if e.Conflicts, err = a.cfg.Publisher.Conflicts(ctx, e.ID, 0, maxPage); err != nil {
			a.fail(c, err)
			return
		}
		e.More = len(e.Conflicts) == maxPage
		v.Events = append(v.Events, e)
	}
	a.render(c, "conflicts.html", v)
}

func (a *API) statusCSS(c *gin.Context) {
	b, err := pageFiles.ReadFile("page/status.css")
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Data(http.StatusOK, "text/css; charset=utf-8", b)
}

// pages parses the templates.
func pages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"short": func(id ticket.ID) string { return id.String()[:8] },
		"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"inc":   func(n int) int { return n + 1 },
		"whom":  whom,
		"wrong": wrong,
		"plus":  func(d time.Duration) string { return fmt.Sprintf("± %d ms", d.Milliseconds()) },
	}).ParseFS(pageFiles, "page/*.html")
}

// whom says in words whom a gate could ask when it admitted.
func whom(mode string) string {
	switch mode {
	case "hub":
		return "the venue's hub"
	case "central":
		return "central"
	case "peers":
		return "other gates"
	case "alone":
		return "nobody"
	}
	return mode
}

// render fills a page completely before anything is sent.
func (a *API) render(c *gin.Context, name string, v any) {
	var b bytes.Buffer
	if err := a.pages.ExecuteTemplate(&b, name, v); err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", pageCSP)
	c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}
