package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/gate/panel"
)

// checkLimit bounds each check of gate doctor.
const checkLimit = 8 * time.Second

func doctorCommand() *command {
	return &command{
		name: "doctor", args: "", summary: "look at this gate and say what to do about what is not well",
		detail: `
Checks the clock, the disk, the certificate, the camera or scan engine, the
ticket set, the status lists of credentials, the brokers and the panel's port. It
may run beside a running gate, which then holds the camera or engine. The exit status is 0 when all is well, 1 when something is worth a
look, 2 when the gate cannot do its work.

  gate doctor
  gate doctor --json | jq '.findings[] | select(.level != "ok")'`,
		flags: func(c *call) { c.asJSON = c.Bool("json", false, "print one JSON object") },
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.want(0, 0); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			report := doctor.Examine(ctx, a.now, checkLimit, a.checks(ctx, &conf)...)
			write := report.WriteText
			if *c.asJSON {
				write = report.WriteJSON
			}
			if err := write(a.out); err != nil {
				return err
			}
			if code := report.ExitCode(); code != 0 {
				return status(code)
			}
			return nil
		},
	}
}

// checks wires each check to this gate.
func (a *app) checks(ctx context.Context, conf *config) []doctor.Check {
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
		checks = append(checks, heldEngine{address: running})
	case conf.scanEngine():
		checks = append(checks, doctor.Engine{Device: conf.Engine.Device, Try: a.tryEngine(conf)})
	case conf.Lane.Input != inputCamera:
	case running != "" && strings.HasPrefix(conf.Camera.URL, "v4l2:"):
		checks = append(checks, heldCamera{address: running})
	default:
		checks = append(checks, doctor.Camera{Now: a.now, Watch: a.watchCamera(conf)})
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

func (a *app) watchCamera(conf *config) func(context.Context, func(*image.Gray) bool) error {
	return func(ctx context.Context, see func(*image.Gray) bool) (err error) {
		cam, err := camera.Open(ctx, conf.Camera.URL, camera.Config{
			Logger: conf.logger(io.Discard), Now: a.now, Width: conf.Camera.Width, Height: conf.Camera.Height, Device: conf.Camera.device(),
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cam.Close()) }()
		for {
			frame, err := cam.Next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				if last := cam.Stats().LastError; last != nil {
					return last
				}
				return err
			}
			if !see(frame.Gray) {
				return nil
			}
		}
	}
}

// heldCamera asks the running gate about its camera, which nobody else can open
// meanwhile.
type heldCamera struct{ address string }

// Name returns "camera".
func (heldCamera) Name() string { return "camera" }

// Look reads the gate's own check.
func (h heldCamera) Look(ctx context.Context) doctor.Finding {
	var report struct {
		Checks []panel.Check `json:"checks"`
	}
	body, err := getPanel(ctx, h.address, "/healthz")
	if err == nil {
		err = json.Unmarshal(body, &report)
	}
	i := slices.IndexFunc(report.Checks, func(c panel.Check) bool { return c.Name == "camera" })
	switch {
	case err != nil || i < 0:
		return doctor.Finding{Level: doctor.Warn, Found: "the running gate holds it and does not say how it is", Advice: "stop the gate and run doctor again"}
	case report.Checks[i].State != panel.StateReady:
		return doctor.Finding{Level: doctor.Fail, Found: "the running gate gets no frames", Advice: report.Checks[i].Hint}
	}
	return doctor.Finding{Found: "the running gate gets frames"}
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%s answers with status %d", address, res.StatusCode)
	}
	return body, nil
}
