package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

func TestParseConfig(t *testing.T) {
	c, err := parseConfig("")
	if err != nil || c.DataDir != defaultData || c.Lane.Input != inputCamera || !c.Uplink.Enabled {
		t.Errorf("defaults: %+v, %v", c, err)
	}
	c, err = parseConfig(`
data_dir = "/srv/gate"
[camera]
url = "http://127.0.0.1:1/cam"
[lane]
name = "2"
input = "stdin"
passage_delay = "0s"
challenge = false
[panel]
listen = "127.0.0.1:0"
language = "en"
[clock]
uncertainty = "50ms"
[engine]
device = "/dev/serial/by-id/usb-Engine"
framing = "stx"
baud = 9600
[uplink]
stale_after = "5s"
[[uplink.broker]]
name = "hub"
url = "tls://10.0.0.2:8883"
[[uplink.broker]]
name = "central"
url = "tls://central.example:8883"
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/srv/gate" || c.Camera.URL != "http://127.0.0.1:1/cam" || c.Camera.Width != 1280 || c.Lane.Name != "2" ||
		c.Lane.Input != inputStdin || c.Lane.PassageDelay != 0 || c.Lane.Challenge || c.Lane.GrantTimeout != 5*time.Second ||
		c.Panel.Listen != "127.0.0.1:0" || c.Clock.Uncertainty != 50*time.Millisecond || c.Uplink.StaleAfter != 5*time.Second ||
		c.Engine.Device == "" || c.Engine.Framing != "stx" || c.Engine.Baud != 9600 || c.Engine.Pause != 500*time.Millisecond ||
		len(c.Uplink.Brokers) != 2 || c.Uplink.Brokers[1].URL != "tls://central.example:8883" {
		t.Errorf("got %+v", c)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct{ text, word, hint string }{
		{"[lane]\nnam = \"1\"", `"lane.nam"`, `"lane.name"`},
		{"[pannel]\nlisten = \"x\"", `"pannel"`, `"panel"`},
		{"name = \"1\"", `"name"`, `"lane.name"`},
		{"entirely = \"other\"", `"entirely"`, "README"},
		{"[lane]\nname = \"1\"\nname = \"2\"", "line 3", ""},
		{"[lane]\nname = 1", "name", ""},
		{"[lane]\nname = \"\"", "lane.name", ""},
		{"[lane]\ninput = \"keyboard\"", "camera or serial or wedge or stdin", ""},
		{"[lane]\ninput = \"serial\"", "engine.device", ""},
		{"[lane]\ninput = \"serial\"\n[engine]\ndevice = \"ttyACM0\"", "engine.device", ""},
		{"[lane]\ninput = \"wedge\"\n[engine]\ndevice = \"usb:C0DE:0001\"", "engine.device", ""},
		{"[engine]\nbaud = 1", "engine", ""},
		{"[engine]\ndata_bits = 9", "data bits", ""},
		{"[engine]\nparity = \"mark\"", "parity", ""},
		{"[engine]\nstop_bits = 3", "stop bits", ""},
		{"[engine]\nframing = \"cr\"", "framing", ""},
		{"[engine]\npause = \"1h\"", "engine.pause", ""},
		{"[engine]\nbuad = 9600", `"engine.buad"`, `"engine.baud"`},
		{"[lane]\ndriver = \"wiegand\"", "lane.driver", ""},
		{"[lane]\ndriver = \"osdp\"", "turnstile.scbk", ""},
		{"[lane]\ndriver = \"osdp\"\n[turnstile]\nscbk = \"/key\"", "impossible line", ""},
		{"[lane]\ndriver = \"osdp\"\n[turnstile]\nscbk = \"/key\"\nurl = \"unix:/s\"\naddress = 127", "address 127", ""},
		{"[lane]\ndriver = \"osdp\"\n[turnstile]\nscbk = \"/key\"\nurl = \"unix:/s\"\nbaud = 19", "19 baud", ""},
		{"[lane]\ndriver = \"osdp\"\n[turnstile]\nscbk = \"/key\"\nurl = \"unix:/s\"\npassed_in = \"1\"", "no output", ""},
		{"[lane]\ndriver = \"gpio\"", "no output unlocks", ""},
		{"[lane]\ndriver = \"gpio\"\n[turnstile]\nunlock_in = \"gpio4\"", "unlock_in", ""},
		{"[lane]\ndriver = \"modbus\"\n[turnstile]\nunlock_in = \"0\"", "turnstile", ""},
		{"[lane]\ndriver = \"modbus\"\n[turnstile]\nunlock_in = \"0\"\nurl = \"tcp://relay:502\"\nunit = 248", "unit 248", ""},
		{"[turnstile]\nmode = \"hold\"", "turnstile.mode", ""},
		{"[turnstile]\nunlock = \"4\"", `"turnstile.unlock"`, `"turnstile.unlock_in"`},
		{"[lane]\npassage_delay = \"2h\"", "lane.passage_delay", ""},
		{"[lane]\ngrant_timeout = \"fast\"", "grant_timeout", ""},
		{"[lane]\ngrant_timeout = \"1ms\"", "lane.grant_timeout", ""},
		{"[camera]\nwidth = 2", "camera.width", ""},
		{"[camera]\ndecode_budget = \"0s\"", "camera.decode_budget", ""},
		{"[camera]\nregion = \"50,0,60,100\"", "camera.region", ""},
		{"[camera]\nregion = \"all\"", "camera.region", ""},
		{"[camera]\nstuck_after = \"1ms\"", "camera.stuck_after", ""},
		{"[camera]\nstuck_after = \"-1s\"", "camera.stuck_after", ""},
		{"[camera]\ncommand = \"rpicam-vid -o -\"", "command", ""},
		{"[camera]\ncommand = [\"\"]", "camera.command", ""},
		{"[camera]\ncommand_format = \"gray\"", "camera.command_format", ""},
		{"[camera]\ncommand = [\"cat\"]\ncommand_format = \"h264\"", "camera.command_format", ""},
		{"[camera]\ncommand = [\"cat\"]\ncommand_format = \"yu12\"\ncommand_stride = 64", "stride", ""},
		{"[camera]\ncommand = [\"cat\"]\ncommand_stride = 1280", "stride", ""},
		{"[lane]\nstaff = true\nchallenge = false", "lane.staff", ""},
		{"[lane]\nstaff = true\n[panel]\nlisten = \"0.0.0.0:8470\"", "panel.listen", ""},
		{"[lane]\nstaff = true\n[panel]\nlisten = \"panel.example:8470\"", "panel.listen", ""},
		{"data_dir = \"relative\"", "absolute", ""},
		{"[panel]\nlisten = \"8470\"", "panel.listen", ""},
		{"[panel]\nlanguage = \"fr\"", "panel.language", ""},
		{"[log]\nlevel = \"loud\"", "log.level", ""},
		{"[clock]\nuncertainty = \"-1s\"", "clock.uncertainty", ""},
		{"[uplink]\nstale_after = \"0s\"", "uplink.stale_after", ""},
		{"[[uplink.broker]]\nname = \"central\"\nurl = \"tcp://h:1883\"", "tls://", ""},
		{"[[uplink.broker]]\nname = \"other\"\nurl = \"tls://h:1\"", "uplink.broker.name", ""},
		{"[[uplink.broker]]\nname = \"hub\"\nulr = \"tls://h:1\"", "uplink.broker.ulr", `"uplink.broker.url"`},
		{"\x00", "line 1", ""},
	} {
		_, err := parseConfig(c.text)
		if !errors.Is(err, settings.ErrBad) || !strings.Contains(err.Error(), c.word) || !strings.Contains(hint.Of(err), c.hint) {
			t.Errorf("%q: got %v (hint %q), want %q and %q", c.text, err, hint.Of(err), c.word, c.hint)
		}
	}
}

// TestCameraConfig has the camera of each kind of configuration.
func TestCameraConfig(t *testing.T) {
	for _, c := range []struct{ text, address, pixels string }{
		{"", "v4l2:/dev/video0", ""},
		{"url = \"test:\"\nregion = \"25,0,50,100\"", "test:", ""},
		{"url = \"v4l2:/dev/video3\"\ncommand = [\"rpicam-vid\", \"-o\", \"-\"]\ncommand_format = \"yu12\"\nwidth = 1280\ncommand_stride = 1344", "program:", "yu12"},
	} {
		conf, err := parseConfig("[camera]\n" + c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got := conf.Camera.address(); got != c.address || conf.Camera.format().Pixels != c.pixels || conf.Camera.stuckAfter() != 2*time.Second {
			t.Errorf("%q: %q, %+v, %s", c.text, got, conf.Camera.format(), conf.Camera.stuckAfter())
		}
	}
	if never := (&cameraConfig{}).stuckAfter(); never >= 0 {
		t.Errorf("stuck_after = 0s: %s, want never", never)
	}
}

func TestLoadConfig(t *testing.T) {
	name := filepath.Join(t.TempDir(), "gate.toml")
	if _, err := loadConfig(name); !errors.Is(err, settings.ErrBad) || hint.Of(err) == "" {
		t.Errorf("missing file: got %v", err)
	}
	if err := os.WriteFile(name, []byte(strings.Repeat("#", settings.MaxSize+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadConfig(name); !errors.Is(err, settings.ErrBad) {
		t.Errorf("huge file: got %v", err)
	}
}

// TestSampleConfig keeps the packaged file true: every key is in it, and what
// stands there is the default.
func TestSampleConfig(t *testing.T) {
	text, err := os.ReadFile("systemd/gate.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := defaults(); !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	for _, key := range settings.Keys(new(config)) {
		if last := key[strings.LastIndex(key, ".")+1:]; !strings.Contains(string(text), last) {
			t.Errorf("%s is not in the file", key)
		}
	}
	whole := strings.NewReplacer("# [[uplink", "[[uplink", "# name = ", "name = ", "# url = ", "url = ").Replace(string(text))
	if c, err := parseConfig(whole); err != nil || len(c.Uplink.Brokers) != 1 {
		t.Errorf("with its example: %+v, %v", c.Uplink, err)
	}
}

// TestConfigKeys makes sure that each key can be suggested and none is unnamed.
func TestConfigKeys(t *testing.T) {
	keys := settings.Keys(new(config))
	if len(keys) < 20 {
		t.Errorf("only %d keys: %v", len(keys), keys)
	}
	for _, k := range keys {
		if k == "" || strings.HasSuffix(k, ".") || strings.Contains(k, "..") {
			t.Errorf("a key without a name: %q", k)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("data_dir = \"/srv\"\n[lane]\nname = \"1\"")
	f.Add("[[uplink.broker]]\nname = \"hub\"\nurl = \"tls://h:1\"")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > settings.MaxSize {
			return
		}
		c, err := parseConfig(text)
		if err == nil {
			err = c.check()
		} else if errors.Is(err, settings.ErrBad) {
			return
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
