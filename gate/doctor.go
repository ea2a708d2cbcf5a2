package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
)

// checkLimit bounds each check of gate doctor.
const checkLimit = 8 * time.Second

func doctorCommand() *subcommand {
	var snap snapshot
	var hands drill
	return &subcommand{
		name: "doctor", args: "", summary: "look at this gate and say what to do about what is not well",
		detail: `
Checks the clock, the disk, the certificate, the camera or scan engine, the
turnstile, the ticket set, the status lists of credentials, the brokers and the panel's port. It
may run beside a running gate, which then holds camera, engine and turnstile and is
asked about them. The exit status is 0 when all is well, 1 when something is worth a look,
2 when the gate cannot do its work.

Of a camera it says how its frames are lit, how sharp they are and how many come,
and draws how many pixels are how bright. --snapshot writes one frame as a PNG file
that only you can read. It shows whoever stands before the camera: delete it when
it has served. A running gate gives a picture to who can read its data folder,
notes it in its log, and gives none when its panel is not on a loopback address.

With --lane it tests the turnstile by hand instead: it shows the contacts as they
change, asks you to move one part after the other, and opens the lane once for you to
walk through. The gate must not run meanwhile, and nobody else stand in the lane.

  gate doctor
  gate doctor --lane
  gate doctor --snapshot view.png
  gate doctor --json | jq '.findings[] | select(.level != "ok")'`,
		flags: func(c *call) {
			c.asJSON = c.Bool("json", false, "print one JSON object")
			c.StringVar(&snap.name, "snapshot", "", "write what the camera sees to `file`, a PNG")
			c.BoolVar(&snap.force, "force", false, "let --snapshot overwrite the file")
			hands.flags(c)
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			if err := snap.check(c, &conf); err != nil {
				return err
			}
			if err := hands.check(ctx, a, c, &conf); err != nil {
				return err
			}
			var report doctor.Report
			if hands.on {
				report, err = hands.examine(ctx, a, &conf)
			} else {
				report = doctor.Examine(ctx, a.now, checkLimit, a.checks(ctx, &conf, &snap)...)
			}
			if err != nil {
				return err
			}
			write := report.WriteText
			if *c.asJSON {
				write = report.WriteJSON
			}
			if err := write(a.out); err != nil {
				return err
			}
			if err := snap.write(ctx, a); err != nil {
				hint.Complain(a.err, "gate", err)
				return command.Status(max(report.ExitCode(), command.Error))
			}
			if code := report.ExitCode(); code != 0 {
				return command.Status(code)
			}
			return nil
		},
	}
}

// checks wires each check to this gate.
func (a *app) checks(ctx context.Context, conf *config, snap *snapshot) []doctor.Check {
	id, idErr := identity.Load(conf.identityDir(), a.now)
	running := liveAddress(ctx, conf)
	checks := []doctor.Check{
		doctor.Clock{Read: a.readClock(conf)},
		doctor.Disk{Dir: conf.DataDir, Free: doctor.Free},
		doctor.Certificate{Now: a.now, Load: func() (*x509.Certificate, error) {
			if idErr != nil {
				return nil, idErr
			}
			return id.Certificate(), nil
		}},
	}
	switch {
	case conf.scanEngine() && running != "":
		checks = append(checks, heldDevice{"engine", running})
	case conf.scanEngine():
		checks = append(checks, doctor.Engine{Device: conf.Engine.Device, Try: a.tryEngine(conf)})
	case conf.Lane.Input != inputCamera:
	case running != "":
		snap.running, snap.addresses = running, conf.addresses()
		checks = append(checks, doctor.Camera{Watch: askCamera(running)})
	case conf.Camera.piped():
		checks = append(checks, doctor.Camera{Watch: func(context.Context) (doctor.Sight, error) {
			return doctor.Sight{Frames: 1, Found: "frames come through a pipe, which only the gate reads: run doctor beside it"}, nil
		}})
	default:
		checks = append(checks, doctor.Camera{Watch: a.watchCamera(conf, &snap.frame), Within: conf.Camera.patience() + 2*doctorMost})
	}
	if running != "" {
		checks = append(checks, heldDevice{"turnstile", running})
	} else {
		checks = append(checks, doctor.Turnstile{Try: a.tryTurnstile(conf)})
	}
	checks = append(checks, doctor.Set{Now: a.now, Stale: conf.Uplink.StaleAfter, Read: a.readHoldings(conf, idErr)},
		doctor.StatusLists{Now: a.now, Read: a.readLists(conf, idErr)})
	if conf.Uplink.Enabled {
		var places []doctor.Place
		for _, e := range conf.brokers(id) {
			places = append(places, doctor.Place{Name: e.Name, URL: e.URL})
		}
		checks = append(checks, doctor.Broker{Places: places, TLS: func() (*tls.Config, error) {
			if idErr != nil {
				return nil, idErr
			}
			return id.TLS(), nil
		}})
	}
	address := conf.Panel.Listen
	if running != "" {
		address = running
	}
	return append(checks, doctor.Panel{Address: address, Healthy: healthy})
}

// brokers lists the brokers of the configuration, or those of the enrolment.
func (c *config) brokers(id *identity.Identity) []identity.Endpoint {
	if len(c.Uplink.Brokers) > 0 || id == nil {
		out := make([]identity.Endpoint, 0, len(c.Uplink.Brokers))
		for _, b := range c.Uplink.Brokers {
			out = append(out, identity.Endpoint(b))
		}
		return out
	}
	return id.Endpoints()
}

func (a *app) readClock(conf *config) func(context.Context) (doctor.Time, error) {
	return func(ctx context.Context) (doctor.Time, error) {
		clk, err := clock.New(ctx, clock.Config{Now: a.now, RTC: conf.Clock.Uncertainty})
		if err != nil {
			return doctor.Time{}, err
		}
		r := clk.Read()
		return doctor.Time{Synchronised: r.Source == clock.SourceKernel, Uncertainty: r.Uncertainty, Source: string(r.Source)}, nil
	}
}

// healthy asks whether a gate answers at the address.
func healthy(ctx context.Context, address string) error {
	_, err := getPanel(ctx, address, "/healthz")
	return err
}

// getPanel asks the panel of the gate that runs on this machine.
func getPanel(ctx context.Context, address, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return getPanelAs(ctx, address, path, "", 1<<20)
}

// getPanelAs asks it with a secret, and takes an answer of at most so many bytes.
func getPanelAs(ctx context.Context, address, path, token string, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%s answers with status %d", address, res.StatusCode)
	}
	return body, nil
}
