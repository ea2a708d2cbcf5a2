package turnstile

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/firmware/osdp"
)

// OSDPReport is what a device says of itself. What was told outside Secure Channel
// anybody on the line may have made up.
type OSDPReport struct {
	Answers  bool   `json:"answers"`          // anything valid came
	Vendor   string `json:"vendor,omitempty"` // IEEE number in hex
	Model    int    `json:"model"`
	Version  int    `json:"version"`
	Serial   uint32 `json:"serial"`
	Firmware string `json:"firmware,omitempty"`
	Ours     bool   `json:"ours"` // our controller: driven by events, not by contacts

	Capabilities []OSDPCapability `json:"capabilities,omitempty"`

	// Security is "no_key" (none was tried), "secured", or why it is not: "wrong_key",
	// "refused", "no_answer". DefaultKey says that the device claims to work with the
	// default key as well.
	Security   string   `json:"security"`
	DefaultKey bool     `json:"default_key"`
	Refused    []string `json:"refused,omitempty"` // what was refused on the way

	// The rest is told inside Secure Channel only; nil when it was not.
	Contacts []bool `json:"contacts,omitempty"` // true: active
	Outputs  []bool `json:"outputs,omitempty"`  // true: energised
	Cover    *bool  `json:"cover_open,omitempty"`
	Supply   *bool  `json:"supply_failing,omitempty"`
}

// OSDPCapability is one thing that a device can do (OSDP v2.2, annex B).
type OSDPCapability struct {
	Function int    `json:"function"`
	Name     string `json:"name"`
	Level    int    `json:"level"`
	Items    int    `json:"items"`
}

func capabilityName(function byte) string {
	names := [...]string{
		"", "contacts", "outputs", "card data format", "lamps", "sound", "text", "time keeping", "check", "security",
		"receive buffer", "largest message", "smart card", "readers", "biometrics", "secure PIN entry", "OSDP version",
	}
	if int(function) < len(names) && function > 0 {
		return names[function]
	}
	return "unknown"
}

// ProbeOSDP asks a device who it is and what it can do, and with a key how its
// contacts are. It changes nothing. That a device does not answer by the end of ctx,
// or refuses Secure Channel, is in the report and no error.
func ProbeOSDP(ctx context.Context, cfg OSDPConfig) (OSDPReport, error) {
	r := OSDPReport{Security: "no_key"}
	if cfg.Key != (OSDPKey{}) {
		if err := probe(ctx, cfg, &r); err != nil || r.Security == "secured" || r.Security == wordNoAnswer {
			return r, err
		}
		cfg.Key = OSDPKey{}
	}
	return r, probe(ctx, cfg, &r)
}

func probe(ctx context.Context, cfg OSDPConfig, r *OSDPReport) error {
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if cfg.Key != (OSDPKey{}) {
		err = q.secure(ctx)
		r.Security = "secured"
		if err != nil {
			r.Security = wordNoAnswer
			var refused *refusal
			if errors.As(err, &refused) {
				r.Security = refused.word
			}
		} else {
			err = q.contacts(ctx, r)
		}
	} else {
		err = q.until(ctx, func() bool { return len(q.cp.Capabilities()) > 0 })
	}
	var down error
	if lerr := q.look(context.WithoutCancel(ctx), func() { q.describe(r); down = q.err }); lerr != nil {
		<-q.gone
		q.describe(r) // it has ended, and is ours
		down = q.err
	}
	if !r.Answers && down != nil {
		return fmt.Errorf("open the line: %w", down)
	}
	if errors.Is(err, ErrNoSecure) || ctx.Err() != nil {
		return nil // it is in the report
	}
	return err
}

// describe takes what the panel's end knows.
func (q *inquiry) describe(r *OSDPReport) {
	r.Refused = append(r.Refused, q.refused...)
	id, ok := q.cp.Identity()
	if r.Answers = r.Answers || ok || q.cp.Stats().Packets > 0; ok {
		r.Vendor, r.Model, r.Version, r.Serial = fmt.Sprintf("%X", id.Vendor), int(id.Model), int(id.Version), id.Serial
		r.Firmware = fmt.Sprintf("%d.%d.%d", id.Firmware[0], id.Firmware[1], id.Firmware[2])
		r.Ours = string(id.Vendor[:]) == osdp.Vendor && id.Model == model
	}
	if caps := q.cp.Capabilities(); len(caps) > 0 {
		r.Capabilities = nil
		for _, c := range caps {
			r.Capabilities = append(r.Capabilities, OSDPCapability{int(c.Function), capabilityName(c.Function), int(c.Level), int(c.Items)})
			r.DefaultKey = r.DefaultKey || c.Function == osdp.CapSecurity && c.Items&1 != 0
		}
	}
}

// contacts asks for everything that takes Secure Channel. What the device does not
// know stays out of the report.
func (q *inquiry) contacts(ctx context.Context, r *OSDPReport) error {
	if err := q.until(ctx, func() bool { return len(q.cp.Capabilities()) > 0 || !q.cp.Online() }); err != nil {
		return err
	}
	for _, c := range []struct {
		command, reply byte
		take           func(levels []bool)
	}{
		{osdp.CmdIStat, osdp.ReplyIStat, func(l []bool) { r.Contacts = l }},
		{osdp.CmdOStat, osdp.ReplyOStat, func(l []bool) { r.Outputs = l }},
		{osdp.CmdLStat, osdp.ReplyLStat, func(l []bool) {
			if len(l) >= 2 {
				r.Cover, r.Supply = &l[0], &l[1]
			}
		}},
	} {
		got, err := q.ask(ctx, c.command, nil)
		if err != nil {
			return err
		}
		if got.Code == c.reply {
			c.take(levels(got.Data))
		}
	}
	return nil
}

func levels(d []byte) []bool {
	out := make([]bool, len(d))
	for i, b := range d {
		out[i] = b != 0
	}
	return out
}
