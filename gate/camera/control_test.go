package camera

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// webcam is what most USB cameras have: an automatic that knows manual and aperture priority.
func webcamKnobs() map[knob]span {
	return map[knob]span{
		knobMains: {0, 2}, knobExposureAuto: {0, 3}, knobExposureTime: {3, 2047}, knobSlowInDark: {0, 1},
		knobFocus: {0, 250}, knobFocusAuto: {0, 1},
	}
}

func TestControls(t *testing.T) {
	modern := webcamKnobs()
	modern[knobMains] = span{0, 3}
	for _, tt := range []struct {
		name    string
		cfg     DeviceConfig
		has     map[knob]span
		refuses map[knob]error
		done    string
		refused string
	}{
		{
			"nothing is asked of a webcam",
			DeviceConfig{},
			webcamKnobs(), nil,
			"auto_exposure=3 exposure_dynamic_framerate=0 focus_automatic_continuous=1", "",
		},
		{
			"automatic in words, lamps too",
			DeviceConfig{Exposure: "auto", Focus: "auto", Mains: "auto"},
			modern, nil,
			"auto_exposure=3 exposure_dynamic_framerate=0 focus_automatic_continuous=1 power_line_frequency=3", "",
		},
		{"everything stays", DeviceConfig{Exposure: "keep", Focus: "keep", Mains: "keep"}, modern, nil, "", ""},
		{
			"all by hand",
			DeviceConfig{Exposure: "8ms", Focus: "40", Mains: "50Hz"},
			webcamKnobs(), nil,
			"auto_exposure=1 exposure_time_absolute=80 focus_automatic_continuous=0 focus_absolute=40 power_line_frequency=1", "",
		},
		{
			"beyond what the device can",
			DeviceConfig{Exposure: "1s", Focus: "9999", Mains: "60Hz"},
			webcamKnobs(), nil,
			"auto_exposure=1 exposure_time_absolute=2047 focus_automatic_continuous=0 focus_absolute=250 power_line_frequency=2", "",
		},
		{
			"a range of a strange driver",
			DeviceConfig{Mains: "60Hz"},
			map[knob]span{knobMains: {0, 1}},
			nil,
			"", "power_line_frequency: the device knows 0 to 1",
		},
		{"a device without controls", DeviceConfig{}, nil, nil, "", ""},
		{
			"asked in vain",
			DeviceConfig{Exposure: "4000us", Focus: "0", Mains: "off"},
			nil, nil,
			"", "exposure_time_absolute: the device has none focus_absolute: the device has none power_line_frequency: the device has none",
		},
		{
			"all refused",
			DeviceConfig{Focus: "10"},
			webcamKnobs(),
			map[knob]error{knobExposureAuto: syscall.EIO, knobSlowInDark: syscall.EACCES, knobFocusAuto: syscall.EBUSY, knobFocus: syscall.EINVAL},
			"", "auto_exposure: input/output error exposure_dynamic_framerate: permission denied focus_automatic_continuous: device or resource busy focus_absolute: invalid argument",
		},
	} {
		dev := &fakeDevice{has: tt.has, refuses: tt.refuses}
		done, refused := tt.cfg.set(dev)
		if got := strings.Join(done, " "); got != tt.done || !slices.Equal(done, dev.turned) {
			t.Errorf("%s: set %q, told the device %q, want %q", tt.name, got, dev.turned, tt.done)
		}
		if got := strings.Join(refused, " "); got != tt.refused {
			t.Errorf("%s: refused %q, want %q", tt.name, got, tt.refused)
		}
	}
}

// TestOtherAutomatic has a sensor that knows automatic and not aperture priority.
func TestOtherAutomatic(t *testing.T) {
	dev := &onlyAuto{fakeDevice{has: map[knob]span{knobExposureAuto: {0, 3}}}}
	if done, refused := (DeviceConfig{}).set(dev); !slices.Equal(done, []string{"auto_exposure=0"}) || len(refused) != 0 {
		t.Errorf("set %q, refused %q; want the automatic that it has", done, refused)
	}
}

type onlyAuto struct{ fakeDevice }

func (d *onlyAuto) turn(k knob, v int32) error {
	if v != 0 {
		return syscall.ERANGE
	}
	return d.fakeDevice.turn(k, v)
}

func TestDeviceConfigCheck(t *testing.T) {
	for _, c := range []DeviceConfig{
		{},
		{Format: "NV12", Exposure: "auto", Focus: "auto", Mains: "auto"},
		{Exposure: "keep", Focus: "keep", Mains: "keep"},
		{Exposure: "100us", Focus: "0", Mains: "off"},
		{Exposure: "1s", Focus: "1048576", Mains: "60Hz"},
	} {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []DeviceConfig{
		{Format: "H264"},
		{Format: "yuyv"},
		{Exposure: "8"},
		{Exposure: "-8ms"},
		{Exposure: "0s"},
		{Exposure: "99us"},
		{Exposure: "2s"},
		{Focus: "-1"},
		{Focus: "near"},
		{Focus: "1048577"},
		{Focus: "99999999999999999999"},
		{Mains: "50"},
		{Mains: "230V"},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// TestControlsAreSetAtEachReturn plugs a camera in again and again: it has forgotten what it was set
// to, and the log has not forgotten what it was told.
func TestControlsAreSetAtEachReturn(t *testing.T) {
	log := &counter{}
	cfg := quietConfig()
	cfg.Logger = slog.New(log)
	cfg.Device = DeviceConfig{Mains: "50Hz", Focus: "5", Format: "GREY"}
	has := map[knob]span{knobMains: {0, 2}}
	var devices []*fakeDevice
	src := &deviceSource{path: "/dev/video0", cfg: cfg, start: func(string) (device, error) {
		d := &fakeDevice{have: []mode{{yuyv, 640, 480, 30}, {grey, 640, 480, 30}}, has: has}
		devices = append(devices, d)
		return d, nil
	}}
	for range 3 {
		st, err := src.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := st.close(); err != nil {
			t.Error(err)
		}
	}
	for i, d := range devices {
		if !slices.Equal(d.turned, []string{"power_line_frequency=1"}) || d.set.format != grey {
			t.Errorf("the %d. time: set %q, mode %v; want the lamps' frequency and GREY", i+1, d.turned, d.set)
		}
	}
	if log.infos != 1 || log.warnings != 1 {
		t.Errorf("the log has %d lines of what was set and %d of what was not, want one of each", log.infos, log.warnings)
	}
	delete(has, knobMains)
	if st, err := src.open(t.Context()); err != nil || st.close() != nil || log.warnings != 2 {
		t.Errorf("another device: %v, %d warnings; want another", err, log.warnings)
	}
}

// counter is a log that counts.
type counter struct {
	slog.Handler
	infos, warnings int
}

func (c *counter) Enabled(context.Context, slog.Level) bool { return true }

func (c *counter) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelInfo {
		c.infos++
	} else {
		c.warnings++
	}
	return nil
}
