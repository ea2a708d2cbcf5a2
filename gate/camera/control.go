package camera

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DeviceConfig says how a camera of this machine is to be set. It is a wish: a control that the
// device does not have, or refuses, is reported in the log and never a reason not to film. Each word
// may be "keep", which leaves that control as somebody else has set it (v4l2-ctl, udev).
// Brightness, contrast, sharpness and backlight compensation are never touched: what a device's maker
// has chosen there suits its sensor.
type DeviceConfig struct {
	// Format is the only pixel format to take, as V4L2 spells it: GREY, YUYV, UYVY, NV12, NV21,
	// YU12, YV12, MJPG or JPEG. Empty is the best of them that the device has at the wanted size.
	// One that the device does not have is an error when it is opened.
	Format string

	// Exposure is "auto", the default, or how long the shutter is open, such as "8ms" or
	// "4000us". Automatic exposure also keeps the device from halving its frame rate in the dark.
	// Short times freeze a moving hand and need light.
	Exposure string

	// Focus is "auto", the default, or a fixed focus in the device's own unit, as v4l2-ctl -l lists
	// it (focus_absolute; often 0 is far). Automatic focus seeks while somebody moves a phone about:
	// where phones always come to the same distance, fix it.
	Focus string

	// Mains is the frequency of the lamps, against bands that run through the picture: "auto", the
	// default, which leaves a device that cannot find out by itself as it is, "50Hz", "60Hz" or "off".
	Mains string
}

// The words of a DeviceConfig besides numbers.
const (
	auto = "auto"
	keep = "keep"
)

// Bounds of a fixed exposure. The unit of V4L2 is 100 µs.
const (
	exposureUnit    = 100 * time.Microsecond
	longestExposure = time.Second
	largestFocus    = 1 << 20
)

// mains are the values of power_line_frequency.
var mains = map[string]int32{"off": 0, "50Hz": 1, "60Hz": 2}

// Check reports the first word that no camera could be set by.
func (c DeviceConfig) Check() error {
	if c.Format != "" && !slices.Contains(formatNames(), c.Format) {
		return fmt.Errorf("format %q, want one of %s", c.Format, strings.Join(formatNames(), ", "))
	}
	if t, ok := c.exposure(); !ok || t != 0 && (t < exposureUnit || t > longestExposure) {
		return fmt.Errorf("exposure %q, want auto, keep or a time of %s to %s", c.Exposure, exposureUnit, longestExposure)
	}
	if n, ok := c.focus(); !ok || n > largestFocus {
		return fmt.Errorf("focus %q, want auto, keep or a number", c.Focus)
	}
	if _, fixed := mains[c.Mains]; !fixed && !word(c.Mains) {
		return fmt.Errorf("mains %q, want auto, 50Hz, 60Hz, off or keep", c.Mains)
	}
	return nil
}

func word(s string) bool { return s == "" || s == auto || s == keep }

// exposure is the fixed time, 0 for none.
func (c DeviceConfig) exposure() (time.Duration, bool) {
	if word(c.Exposure) {
		return 0, true
	}
	t, err := time.ParseDuration(c.Exposure)
	return t, err == nil && t > 0
}

// focus is the fixed focus, -1 for none.
func (c DeviceConfig) focus() (int, bool) {
	if word(c.Focus) {
		return -1, true
	}
	n, err := strconv.Atoi(c.Focus)
	return n, err == nil && n >= 0
}

func formatNames() []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, f.String())
	}
	return names
}

// knob is a control of V4L2, by its number in linux/v4l2-controls.h.
type knob uint32

const (
	knobMains        knob = 0x00980918
	knobExposureAuto knob = 0x009a0901
	knobExposureTime knob = 0x009a0902
	knobSlowInDark   knob = 0x009a0903
	knobFocus        knob = 0x009a090a
	knobFocusAuto    knob = 0x009a090c
)

// String returns the name that v4l2-ctl uses.
func (k knob) String() string {
	switch k {
	case knobMains:
		return "power_line_frequency"
	case knobExposureAuto:
		return "auto_exposure"
	case knobExposureTime:
		return "exposure_time_absolute"
	case knobSlowInDark:
		return "exposure_dynamic_framerate"
	case knobFocus:
		return "focus_absolute"
	case knobFocusAuto:
		return "focus_automatic_continuous"
	}
	return fmt.Sprintf("control %#x", uint32(k))
}

// span is the range of a control.
type span struct{ low, high int32 }

// turn is one control to be set: to the first of values that the device takes.
type turn struct {
	knob   knob
	values []int32
	asked  bool // somebody wrote it into the configuration
}

// Values of auto_exposure. Webcams know manual and aperture priority, which is their automatic.
const (
	exposeAuto     = 0
	exposeManual   = 1
	exposeShutter  = 2
	exposeAperture = 3
	mainsAuto      = 3
)

// turns lists what is to be set, in an order that works: automatics off before the value they hold.
func (c DeviceConfig) turns() []turn {
	var out []turn
	switch t, _ := c.exposure(); {
	case t > 0:
		out = append(out, turn{knobExposureAuto, []int32{exposeManual, exposeShutter}, false},
			turn{knobExposureTime, []int32{int32(min(t, longestExposure) / exposureUnit)}, true})
	case c.Exposure != keep:
		out = append(out, turn{knobExposureAuto, []int32{exposeAperture, exposeAuto}, false}, turn{knobSlowInDark, []int32{0}, false})
	}
	switch n, _ := c.focus(); {
	case n >= 0:
		out = append(out, turn{knobFocusAuto, []int32{0}, false}, turn{knobFocus, []int32{int32(min(n, largestFocus))}, true})
	case c.Focus != keep:
		out = append(out, turn{knobFocusAuto, []int32{1}, false})
	}
	switch v, fixed := mains[c.Mains]; {
	case fixed:
		out = append(out, turn{knobMains, []int32{v}, true})
	case c.Mains != keep:
		out = append(out, turn{knobMains, []int32{mainsAuto}, false})
	}
	return out
}

// set turns what the device has, and says what it took and what was asked for in vain. It cannot
// fail: a camera that is not set as one would like still films.
func (c DeviceConfig) set(dev device) (done, refused []string) {
	have := dev.knobs()
	for _, t := range c.turns() {
		s, ok := have[t.knob]
		if !ok {
			if t.asked {
				refused = append(refused, t.knob.String()+": the device has none")
			}
			continue
		}
		var err error
		taken := false
		for _, v := range t.values {
			if menu := !t.asked || t.knob == knobMains; menu && (v < s.low || v > s.high) {
				continue // such as the automatic of lamps, which older devices lack
			}
			v = min(max(v, s.low), s.high)
			if err = dev.turn(t.knob, v); err == nil {
				done, taken = append(done, fmt.Sprintf("%v=%d", t.knob, v)), true
				break
			}
		}
		switch {
		case taken:
		case err != nil:
			refused = append(refused, fmt.Sprintf("%v: %v", t.knob, err))
		case t.asked:
			refused = append(refused, fmt.Sprintf("%v: the device knows %d to %d", t.knob, s.low, s.high))
		}
	}
	return done, refused
}
