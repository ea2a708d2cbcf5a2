package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/sync/ticket"
)

type incidentView struct {
	Seq      uint64          `json:"seq"`
	Device   ticket.DeviceID `json:"device"`
	Kind     string          `json:"kind"`
	Entry    uint64          `json:"entry,omitempty"`
	Found    time.Time       `json:"found"`
	Detail   string          `json:"detail"`
	Size     int             `json:"size"`     // of the evidence, bytes
	Evidence string          `json:"evidence"` // SHA-256 of it, hexadecimal
}

func (a *API) incidents(ctx context.Context, c *gin.Context) (int, any, error) {
	after, limit, err := numberPage(c, 63)
	if err != nil {
		return 0, nil, err
	}
	is, err := a.cfg.Publisher.Incidents(ctx, after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := make([]incidentView, 0, len(is))
	last := ""
	for _, i := range is {
		out = append(out, incidentView{
			Seq: i.Seq, Device: i.Device, Kind: i.Kind, Entry: i.Entry, Found: i.Found.UTC(), Detail: i.Detail,
			Size: i.Size, Evidence: hex.EncodeToString(i.Evidence[:]),
		})
		last = strconv.FormatUint(i.Seq, 10)
	}
	return http.StatusOK, list("incidents", out, next(len(is), limit, last)), nil
}

// evidence gives out what a device sent, to be kept or examined. A browser must
// not try to show it: whoever sent it is not trusted.
func (a *API) evidence(c *gin.Context) {
	seq, err := strconv.ParseUint(c.Param("incident"), 10, 63)
	if err != nil {
		a.fail(c, ErrUnknownIncident)
		return
	}
	data, err := a.cfg.Publisher.Evidence(c.Request.Context(), seq)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Disposition", `attachment; filename="incident-`+strconv.FormatUint(seq, 10)+`.cbor"`)
	c.Data(http.StatusOK, "application/octet-stream", data)
}

type incidentsView struct {
	Now       time.Time
	Incidents []Incident
	More      bool
}

// incidentsPage shows what devices sent that they should not have.
func (a *API) incidentsPage(c *gin.Context) {
	v := incidentsView{Now: a.cfg.Now().UTC()}
	var err error
	if v.Incidents, err = a.cfg.Publisher.Incidents(c.Request.Context(), 0, maxPage); err != nil {
		a.fail(c, err)
		return
	}
	v.More = len(v.Incidents) == maxPage
	a.render(c, "incidents.html", v)
}

// wrong says in words what is wrong with what a device sent.
func wrong(kind string) string {
	switch kind {
	case "fork":
		return "two histories of one journal"
	case "batch":
		return "a batch that does not verify"
	case "revoked":
		return "a batch of a device that was taken out"
	case "foreign":
		return "entries about an event that is not its own"
	case "future":
		return "entries dated more than a day ahead"
	case "receipt":
		return "a receipt that is forged, or of an entry that never was"
	}
	return kind
}
