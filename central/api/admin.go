package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

func (a *API) importEvent(ctx context.Context, c *gin.Context) (int, any, error) {
	b, err := readBody(c, seatmap.MaxPlan)
	if err != nil {
		return 0, nil, err
	}
	p, err := seatmap.ParseFor(b, a.cfg.Accounts.RelyingParty())
	if err != nil {
		return 0, nil, err
	}
	added, err := a.cfg.Till.Import(ctx, p)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if added {
		status = http.StatusCreated
	}
	return status, gin.H{"id": p.Event.ID, "name": p.Event.Name, "places": len(p.Places), "added": added}, nil
}

func (a *API) publish(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := a.knownEvent(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	version, err := a.cfg.Publisher.Publish(ctx, event)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"version": version}, nil
}

// knownEvent is the event in the path, which must exist.
func (a *API) knownEvent(ctx context.Context, c *gin.Context) (ticket.EventID, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, err
	}
	_, err = a.cfg.Till.Rules(ctx, event)
	return event, err
}

type codeBody struct {
	Role   string           `json:"role"`
	Name   string           `json:"name"`
	Gate   string           `json:"gate"`
	Events []ticket.EventID `json:"events"`
}

// maxCodeEvents bounds how many events one device may be enrolled for. The fleet
// takes no more.
const maxCodeEvents = 64

func (a *API) enrolCode(ctx context.Context, c *gin.Context) (int, any, error) {
	var b codeBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	device, err := ticket.ParseDeviceID(b.Name)
	if err != nil {
		return 0, nil, err
	}
	bad := func(detail, hint string) (int, any, error) {
		return 0, nil, &detailError{code: "invalid_request", detail: detail, hint: hint}
	}
	switch b.Role {
	case "gate", "hub", "handheld":
	default:
		return bad("role is none that can be enrolled", "use gate, hub or handheld")
	}
	switch {
	case len(b.Events) == 0 || len(b.Events) > maxCodeEvents:
		return bad("a device works for 1 to 64 events", "name at least one in \"events\"")
	case b.Role == "gate" && b.Gate == "":
		return bad("a gate has no \"gate\"", "use the name of one of the event's gates")
	}
	for _, id := range b.Events {
		rules, err := a.cfg.Till.Rules(ctx, id)
		if err != nil {
			return 0, nil, err
		}
		if _, ok := rules.Gate(b.Gate); b.Gate != "" && !ok {
			return bad(fmt.Sprintf("event %s has no such gate", id), "use the name of one of the event's gates")
		}
	}
	code, err := a.cfg.Fleet.NewCode(ctx, NewCode{Role: b.Role, Name: device, Gate: b.Gate, Events: b.Events})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, gin.H{"code": code.Text, "device": code.Device, "expires": code.Expires.UTC()}, nil
}

type deviceView struct {
	ID       ticket.DeviceID  `json:"id"`
	Role     string           `json:"role"`
	Gate     string           `json:"gate,omitempty"`
	Events   []ticket.EventID `json:"events"`
	Enrolled time.Time        `json:"enrolled"`
	Expires  time.Time        `json:"certificate_expires"`
	Revoked  bool             `json:"revoked"`
	Online   bool             `json:"online"`
	Seen     time.Time        `json:"seen,omitzero"`
	Version  string           `json:"version,omitempty"`
	Set      uint64           `json:"set"`
	Delta    uint64           `json:"delta"`
	Unacked  uint64           `json:"unacked"`
}

func (a *API) devices(ctx context.Context, c *gin.Context) (int, any, error) {
	after, limit, err := page(c)
	if err != nil {
		return 0, nil, err
	}
	ds, err := a.cfg.Fleet.Devices(ctx, ticket.DeviceID(after), limit)
	if err != nil {
		return 0, nil, err
	}
	out := make([]deviceView, 0, len(ds))
	last := ""
	for _, d := range ds {
		out = append(out, deviceView{
			ID: d.ID, Role: d.Role, Gate: d.Gate, Events: append([]ticket.EventID{}, d.Events...), Enrolled: d.Enrolled.UTC(), Expires: d.Expires.UTC(),
			Revoked: d.Revoked, Online: d.Online, Seen: d.Seen.UTC(), Version: d.Version, Set: d.Set, Delta: d.Delta, Unacked: d.Unacked,
		})
		last = string(d.ID)
	}
	return http.StatusOK, list("devices", out, next(len(ds), limit, last)), nil
}

// revoke may be repeated: a device is out of the fleet for good. 202 means that
// the gates do not know yet.
func (a *API) revoke(ctx context.Context, c *gin.Context) (int, any, error) {
	device, err := ticket.ParseDeviceID(c.Param("device"))
	if err != nil {
		return 0, nil, ErrUnknownDevice
	}
	announced, err := a.cfg.Fleet.Revoke(ctx, device)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if !announced {
		status = http.StatusAccepted
	}
	return status, gin.H{"id": device, "revoked": true, "announced": announced}, nil
}

type admissionView struct {
	Seq           uint64          `json:"seq"`
	Ticket        ticket.ID       `json:"ticket"`
	Device        ticket.DeviceID `json:"device"`
	Gate          string          `json:"gate"`
	Lane          string          `json:"lane"`
	Kind          string          `json:"kind"`
	Time          time.Time       `json:"time"`
	UncertaintyMS int64           `json:"uncertainty_ms"`
}

func (a *API) ledger(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := a.knownEvent(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	after, limit, err := numberPage(c, 63)
	if err != nil {
		return 0, nil, err
	}
	as, err := a.cfg.Publisher.Ledger(ctx, event, after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := make([]admissionView, 0, len(as))
	last := ""
	for _, e := range as {
		out = append(out, admissionView{
			Seq: e.Seq, Ticket: e.Ticket, Device: e.Device, Gate: e.Gate, Lane: e.Lane, Kind: e.Kind,
			Time: e.Time.UTC(), UncertaintyMS: e.Uncertainty.Milliseconds(),
		})
		last = strconv.FormatUint(e.Seq, 10)
	}
	return http.StatusOK, list("admissions", out, next(len(as), limit, last)), nil
}

type conflictView struct {
	Seq    uint64      `json:"seq"`
	Ticket ticket.ID   `json:"ticket"`
	Winner claimView   `json:"winner"`
	Others []claimView `json:"others"`
}

type claimView struct {
	Device        ticket.DeviceID `json:"device"`
	Gate          string          `json:"gate"`
	Lane          string          `json:"lane"`
	Time          time.Time       `json:"time"`
	UncertaintyMS int64           `json:"uncertainty_ms"`
	Mode          string          `json:"mode"`
	Evidence      string          `json:"evidence"` // SHA-256 of the code that was shown, hexadecimal
}

func viewClaim(c Claim) claimView {
	return claimView{
		Device: c.Device, Gate: c.Gate, Lane: c.Lane, Time: c.Time.UTC(), UncertaintyMS: c.Uncertainty.Milliseconds(),
		Mode: c.Mode, Evidence: hex.EncodeToString(c.Evidence[:]),
	}
}

func (a *API) conflicts(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := a.knownEvent(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	after, limit, err := numberPage(c, 63)
	if err != nil {
		return 0, nil, err
	}
	cs, err := a.cfg.Publisher.Conflicts(ctx, event, after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := make([]conflictView, 0, len(cs))
	last := ""
	for _, x := range cs {
		v := conflictView{Seq: x.Seq, Ticket: x.Ticket, Winner: viewClaim(x.Winner), Others: make([]claimView, 0, len(x.Others))}
		for _, o := range x.Others {
			v.Others = append(v.Others, viewClaim(o))
		}
		out = append(out, v)
		last = strconv.FormatUint(x.Seq, 10)
	}
	return http.StatusOK, list("conflicts", out, next(len(cs), limit, last)), nil
}
