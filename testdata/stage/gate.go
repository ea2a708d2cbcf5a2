package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/con-ting/conting/sync/ticket"
)

// Gate is one enrolled gate appliance with one lane.
type Gate struct {
	Name  string // of the gate in the event's rules
	Panel string // base URL of the lane display
	Feed  *Feed
	Cable *Cable

	// Turnstile stands in its lane; nil for a lane that is made of timers.
	Turnstile *Turnstile

	stage   *Stage
	dir     string
	config  string
	process *Process
	camera  Camera
	typed   bool           // it reads texts on standard input
	staffed bool           // a steward stands at its lane
	input   io.WriteCloser // that input while the gate runs
}

// Camera is what a gate's lane reads: frames from a URL, or texts on standard
// input where it is empty.
type Camera string

// Enrol has central make an enrolment code for the named gate of the event, and
// a new gate appliance use it over its own cable.
func (s *Stage) Enrol(ctx context.Context, event ticket.EventID, name string, camera Camera) (*Gate, error) {
	out, err := Run(ctx, s.command("central"), "enrol-code", "--config", s.config,
		"--role", "gate", "--gate", name, "--event", event.String(), "--json")
	if err != nil {
		return nil, err
	}
	var code struct {
		Text   string `json:"text"`
		Device string `json:"device"`
	}
	if err := json.Unmarshal(out, &code); err != nil {
		return nil, fmt.Errorf("enrol-code: %w", err)
	}
	broker, err := url.Parse(s.addr.MQTT)
	if err != nil {
		return nil, err
	}
	g := &Gate{Name: name, Feed: NewFeed(), stage: s, dir: filepath.Join(s.Dir, "gate-"+code.Device), camera: camera, typed: camera == ""}
	if g.Cable, err = NewCable(ctx, broker.Host); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	g.config = filepath.Join(g.dir, "gate.toml")
	if err := g.configure(); err != nil {
		return nil, err
	}
	_, err = Run(ctx, s.command("gate"), "enrol", "--config", g.config, code.Text)
	return g, err
}

// Steward puts a steward at the gate's lane, from its next start on.
func (g *Gate) Steward() error {
	g.staffed = true
	return g.configure()
}

// Fit puts a turnstile into the gate's lane, from its next start on.
func (g *Gate) Fit(t *Turnstile) error {
	g.Turnstile = t
	return g.configure()
}

func (g *Gate) configure() error { return os.WriteFile(g.config, []byte(g.toml()), 0o600) }

func (g *Gate) toml() string {
	lane := "[lane]\nname = \"" + g.Name + "-1\"\npassage_delay = \"300ms\"\n"
	if g.staffed {
		lane += "staff = true\n"
	}
	if g.Turnstile != nil {
		lane += "driver = \"osdp\"\n"
	}
	if g.camera == "" {
		lane += "input = \"stdin\"\n"
	} else {
		lane += "[camera]\nurl = \"" + string(g.camera) + "\"\n"
		if b := g.stage.DecodeBudget; b != "" {
			lane += "decode_budget = \"" + b + "\"\n"
		}
	}
	if g.Turnstile != nil {
		lane += g.Turnstile.toml()
	}
	return fmt.Sprintf(`data_dir = %q
[panel]
listen = "127.0.0.1:0"
[clock]
uncertainty = "500ms"
[uplink]
stale_after = "6s"
degrade_after = "500ms"
restore_after = "2s"
[[uplink.broker]]
name = "central"
url = "tls://%s"
%s`, g.dir, g.Cable.Addr(), lane)
}

// Start starts the gate and waits until its display is up.
func (g *Gate) Start(ctx context.Context) error {
	ready := filepath.Join(g.dir, "addresses.json")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var in io.Reader
	if g.typed {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		in, g.input = r, w
	}
	p, err := Start(ctx, g.stage.Dir, "gate-"+g.Name, g.stage.command("gate"), in, g.Feed.Line,
		"run", "--config", g.config, "--events", "-")
	if err != nil {
		return err
	}
	g.process = p
	var addr struct {
		Panel string `json:"panel"`
	}
	if err := awaitFile(ctx, p, ready, &addr); err != nil {
		return fmt.Errorf("gate %s: %w", g.Name, err)
	}
	g.Panel = "http://" + addr.Panel
	return nil
}

// Stop ends the gate.
func (g *Gate) Stop() error {
	err := g.process.Stop()
	if g.input != nil {
		_ = g.input.Close()
	}
	return err
}

// Type gives the gate a text as a scan engine does.
func (g *Gate) Type(text string) error {
	_, err := io.WriteString(g.input, text+"\n")
	return err
}

// LoadSet has the gate load a set file, as from a stick, and returns the most
// memory that took, in bytes. The gate must not be running.
func (g *Gate) LoadSet(ctx context.Context, path string) (rss int64, err error) {
	cmd := exec.CommandContext(ctx, g.stage.command("gate"), "load-set", "--config", g.config, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("load-set: %w: %s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("this system does not say how much memory a process took")
	}
	return usage.Maxrss << 10, nil
}

// Process is the running gate.
func (g *Gate) Process() *Process { return g.process }
