package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/ticket"
)

// Where a gate looks when nobody says otherwise.
const (
	defaultConfig = "/etc/conting/gate.toml"
	defaultData   = "/var/lib/conting"
)

// config is the whole configuration file. Each field's comment is its
// documentation; [defaults] holds the values in force when a key is absent.
// A key that is not listed here is an error.
type config struct {
	// DataDir holds the identity and the database. It is made by systemd
	// (StateDirectory) or by hand, owned by the gate's user, mode 0700.
	// Default /var/lib/conting.
	DataDir string `toml:"data_dir"`

	Log       logConfig       `toml:"log"`
	Camera    cameraConfig    `toml:"camera"`
	Engine    engineConfig    `toml:"engine"`
	Lane      laneConfig      `toml:"lane"`
	Turnstile turnstileConfig `toml:"turnstile"`
	Panel     panelConfig     `toml:"panel"`
	Clock     clockConfig     `toml:"clock"`
	Uplink    uplinkConfig    `toml:"uplink"`
}

type logConfig struct {
	Level  string `toml:"level"`  // debug, info, warn or error. Default info.
	Format string `toml:"format"` // text or json. Default text.
}

type cameraConfig struct {
	// URL is where frames come from: v4l2:/dev/video0, http://host/stream
	// (MJPEG), stdin:?format=yu12&width=1280&height=720 for a pipe,
	// file:/picture.jpg, file:/film.y4m, dir:/folder?loop=1&fps=10, or test: for
	// a test card. Default v4l2:/dev/video0.
	URL string `toml:"url"`

	// Command is a program that writes frames to its standard output, with its
	// arguments, in place of URL; no shell sees them. It is started again when it
	// ends or falls silent: ["rpicam-vid", "-t", "0", …] for a camera on a
	// ribbon, ["ffmpeg", …] for RTSP. Default [], none.
	Command []string `toml:"command"`

	// CommandFormat is how Command writes frames: "" for Y4M, or JPEGs one after
	// the other, which show themselves; else raw frames of Width and Height: gray,
	// yuyv, uyvy, nv12, nv21, yu12 or yv12. Default "".
	CommandFormat string `toml:"command_format"`

	// CommandStride is how many bytes a row of a raw frame has, where Command
	// pads rows. Default 0, no padding.
	CommandStride int `toml:"command_stride"`

	// Width and Height are what a V4L2 camera is asked for, and what Command
	// writes raw. Default 1280×720.
	Width  int `toml:"width"`
	Height int `toml:"height"`

	// Region is the part of the frame in which codes are looked for, "x,y,w,h" in
	// per cent of its width and height. Default "", all of it.
	Region string `toml:"region"`

	// StuckAfter is how long a camera may show the same frame, to the last pixel,
	// before it is opened again and called stuck; 0s for never. Default 2s.
	StuckAfter time.Duration `toml:"stuck_after"`

	// DecodeBudget is how long a frame may be searched for a code. The next frame
	// shows the same code again, so that little is lost; but a device that is too
	// slow for it reads nothing, ever. Default 40ms.
	DecodeBudget time.Duration `toml:"decode_budget"`

	// The rest sets a V4L2 camera, as far as it has such controls; "keep" leaves one
	// as it is. Exposure is "auto", or how long the shutter is open, such as "8ms".
	// Default auto.
	Exposure string `toml:"exposure"`

	// Focus is "auto", or a fixed focus in the unit of the device (v4l2-ctl -l:
	// focus_absolute). Default auto.
	Focus string `toml:"focus"`

	// Mains is the frequency of the lamps, against bands in the picture: "auto",
	// "50Hz", "60Hz" or "off". Default auto.
	Mains string `toml:"mains"`

	// PixelFormat is the only one to take, such as "YUYV", where the best that the
	// device offers is not. Default "", the best.
	PixelFormat string `toml:"pixel_format"`
}

// device is how a V4L2 camera is set.
func (c *cameraConfig) device() camera.DeviceConfig {
	return camera.DeviceConfig{Format: c.PixelFormat, Exposure: c.Exposure, Focus: c.Focus, Mains: c.Mains}
}

// engineConfig is used with lane.input = "serial" or "wedge".
type engineConfig struct {
	// Device is the scan engine. Serial: its path, best /dev/serial/by-id/…, which
	// survives replugging. Wedge: a path, best /dev/input/by-id/…-event-kbd, or
	// name:NAME or usb:VVVV:PPPP. No default.
	Device string `toml:"device"`

	// Framing is how a serial engine marks a code: "line" ends with CR, LF or both;
	// "stx" is STX before and ETX behind. A wedge ends with Enter or Tab. Default
	// line.
	Framing string `toml:"framing"`

	// Baud, DataBits (7 or 8), Parity (none, even or odd) and StopBits (1 or 2) are
	// those of an RS-232 engine; USB-CDC ignores them. Default 115200 8 none 1.
	Baud     int    `toml:"baud"`
	DataBits int    `toml:"data_bits"`
	Parity   string `toml:"parity"`
	StopBits int    `toml:"stop_bits"`

	// Pause is how long the engine may fall silent inside one code. Half a code is
	// thrown away after it. Default 500ms.
	Pause time.Duration `toml:"pause"`
}

type laneConfig struct {
	// Name is what screens and the journal call this lane. Default "1".
	Name string `toml:"name"`

	// Input is where passes come from: "camera"; "serial" for a scan engine on a
	// serial line or USB-CDC; "wedge" for one, or an NFC reader, that types as a
	// keyboard; "stdin" for a script that writes one pass text a line. Default
	// camera.
	Input string `toml:"input"`

	// Driver is the turnstile: "osdp" for our controller, or any OSDP device with
	// outputs and contacts, through Secure Channel; "gpio" for contacts at this machine's pins, "modbus"
	// for contacts behind a relay board, "software" for one that is made of timers.
	// Default software.
	Driver string `toml:"driver"`

	// Passage plays the person of a software lane: "auto" walks through after
	// PassageDelay, "none" never does. Default auto.
	Passage      string        `toml:"passage"`
	PassageDelay time.Duration `toml:"passage_delay"` // Default 800ms.

	// GrantTimeout is how long the lane stays open for one person. Default 5s.
	GrantTimeout time.Duration `toml:"grant_timeout"`

	// Challenge lets the lane show a nonce for the holder to answer. It needs a
	// display that the holder can read. Default true.
	Challenge bool `toml:"challenge"`

	// Staff says that a steward stands at this lane. It reads presentations of
	// credentials then, and its panel has a button to let somebody in after a
	// referral: whoever can reach the panel can press it, so that it must be on a
	// loopback address. Needs Challenge. Default false.
	Staff bool `toml:"staff"`
}

type panelConfig struct {
	// Listen is the address of the lane display, /healthz and /metrics. Loopback
	// unless you know who else can reach it. Port 0 chooses a free one; the
	// address in use stands in DATA_DIR/addresses.json. Default 127.0.0.1:8470.
	Listen string `toml:"listen"`

	// Language of the display: ko or en. Default ko.
	Language string `toml:"language"`
}

type clockConfig struct {
	// Uncertainty is how far off this device's clock may be while neither NTP
	// nor a beacon disciplines it. Default 5m, which makes such a gate ask for
	// challenge passes.
	Uncertainty time.Duration `toml:"uncertainty"`
}

type uplinkConfig struct {
	// Enabled false keeps the gate off the network: sets come from sticks.
	// Default true.
	Enabled bool `toml:"enabled"`

	// Brokers replaces the brokers that the enrolment named, in order of preference.
	Brokers []brokerConfig `toml:"broker"`

	// StaleAfter is how old the last beacon may be before the set counts as
	// stale. Default 90s, three beacons.
	StaleAfter time.Duration `toml:"stale_after"`

	// KeepAlive is how often a silent connection is tried; three seconds without
	// an answer and it counts as lost. Whole seconds. Default 5s.
	KeepAlive time.Duration `toml:"keep_alive"`

	// DegradeAfter is how long the network must be worse before the gate decides
	// by it. A lost connection is certain: this only bridges a reconnection.
	// Default 1s.
	DegradeAfter time.Duration `toml:"degrade_after"`

	// RestoreAfter is how long it must be better again. The first connection after
	// the start counts at once. Default 10s.
	RestoreAfter time.Duration `toml:"restore_after"`
}

type brokerConfig struct {
	Name string `toml:"name"` // "hub" or "central"
	URL  string `toml:"url"`  // tls://host:port
}

func defaults() config {
	return config{
		DataDir: defaultData,
		Log:     logConfig{Level: "info", Format: "text"},
		Camera: cameraConfig{
			URL: "v4l2:/dev/video0", Command: []string{}, Width: 1280, Height: 720, StuckAfter: 2 * time.Second, DecodeBudget: qr.DefaultBudget,
			Exposure: "auto", Focus: "auto", Mains: "auto",
		},
		Engine: engineConfig{Framing: string(engine.Lines), Baud: 115200, DataBits: 8, Parity: "none", StopBits: 1, Pause: engine.DefaultPause},
		Lane: laneConfig{
			Name: "1", Input: inputCamera, Driver: driverSoftware, Passage: "auto",
			PassageDelay: 800 * time.Millisecond, GrantTimeout: turnstile.DefaultTimeout, Challenge: true,
		},
		Turnstile: defaultTurnstile(),
		Panel:     panelConfig{Listen: "127.0.0.1:8470", Language: "ko"},
		Clock:     clockConfig{Uncertainty: 5 * time.Minute},
		Uplink:    uplinkConfig{Enabled: true, StaleAfter: 90 * time.Second, KeepAlive: 5 * time.Second, DegradeAfter: time.Second, RestoreAfter: 10 * time.Second},
	}
}

const (
	inputCamera = "camera"
	inputStdin  = "stdin"
	inputSerial = "serial"
	inputWedge  = "wedge"
)

// loadConfig reads the file. A missing file is an error unless it is the
// default one, without which the defaults are in force. Errors wrap
// [settings.ErrBad].
func loadConfig(name string) (config, error) {
	c := defaults()
	err := settings.Load(name, &c)
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == defaultConfig:
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		return config{}, hint.Errorf("create it (see the README), or name another with --config", "%w", err)
	case err != nil:
		return config{}, err
	}
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// parseConfig is loadConfig for a text.
func parseConfig(text string) (config, error) {
	c := defaults()
	if err := settings.Parse(text, &c); err != nil {
		return config{}, err
	}
	return c, c.check()
}

// The files of the data folder.
func (c *config) identityDir() string { return filepath.Join(c.DataDir, "identity") }
func (c *config) database() string    { return filepath.Join(c.DataDir, "gate.db") }
func (c *config) addresses() string   { return filepath.Join(c.DataDir, "addresses.json") }

// logger writes to standard error; standard output belongs to results and events.
func (c *config) logger(w io.Writer) *slog.Logger {
	level := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[c.Log.Level]
	o := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// eventFlag is the value of --event: which of the device's events is meant.
type eventFlag struct{ id ticket.EventID }

// String returns the event's number, or nothing.
func (f *eventFlag) String() string {
	if f.id == 0 {
		return ""
	}
	return f.id.String()
}

// Set reads an event's number.
func (f *eventFlag) Set(s string) error {
	id, err := ticket.ParseEventID(s)
	if err != nil {
		return err
	}
	f.id = id
	return nil
}
