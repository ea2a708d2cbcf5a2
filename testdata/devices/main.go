//go:build linux

// Command devices is the first process of a virtual machine that has real devices
// for a gate: a keyboard (uinput), a USB-CDC engine (dummy_hcd and g_serial) and a
// camera (vivid, which films what is played to its output). It runs the built gate
// on each in turn, shows it codes, and says on the console what happened:
//
//	device NAME: TEXT      a figure, or what was seen
//	devices: passed        at the end, if all went well
//
// make test-devices boots it; see gate/devices_test.go. Nobody else should: it
// mounts file systems, loads modules and switches the machine off.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/testdata/uinput"
)

const (
	patience = 60 * time.Second
	socket   = "/sys/bus/usb/devices/1-1/authorized" // of the USB cable: 0 takes its device from its driver
)

func main() {
	err := show()
	if err != nil {
		fmt.Println("devices: failed:", err)
	} else {
		fmt.Println("devices: passed")
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func say(device, text string) { fmt.Printf("device %s: %s\n", device, text) }

func show() error {
	for _, m := range [][3]string{{"devtmpfs", "/dev", ""}, {"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"tmpfs", "/tmp", ""}} {
		if err := errors.Join(os.MkdirAll(m[1], 0o755), unix.Mount(m[0], m[1], m[0], 0, m[2])); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	if err := loopback(); err != nil {
		return err
	}
	order, err := os.ReadFile("/modules/order")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(order)) {
		if err := load(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	for _, device := range []struct {
		name string
		play func() error
	}{{"uinput", ownTests}, {"wedge", wedge}, {"serial", cdc}, {"camera", camera}} {
		if e := device.play(); e != nil {
			err = errors.Join(err, e)
			say(device.name, "FAILED: "+e.Error())
		}
	}
	return err
}

// loopback lets the machine talk to itself, as doctor does to the gate.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	return errors.Join(err, unix.Close(fd))
}

// load loads a module, given as its file and parameters.
func load(line string) error {
	file, params, _ := strings.Cut(line, " ")
	f, err := os.Open("/modules/" + file)
	if err != nil {
		return err
	}
	err = unix.FinitModule(int(f.Fd()), params, 0)
	if errors.Is(err, unix.EEXIST) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("load %s: %w", line, err)
	}
	return errors.Join(err, f.Close())
}

// ownTests runs those tests of the package that need a kernel with uinput.
func ownTests() error {
	out, err := exec.Command("/engine.test", "-test.run", "^TestUinput$", "-test.v").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		say("uinput", strings.TrimSpace(line))
	}
	if err == nil && strings.Contains(string(out), "--- SKIP") {
		err = errors.New("skipped")
	}
	if err != nil {
		return fmt.Errorf("tests of gate/engine: %w", err)
	}
	return nil
}

// gate is a running gate; what it says comes line by line.
type gate struct {
	cmd   *exec.Cmd
	lines chan string
}

func run(config string) (*gate, error) {
	g := &gate{cmd: exec.Command("/gate", "run", "--config", config, "--events", "-"), lines: make(chan string, 4096)}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	g.cmd.Stdout, g.cmd.Stderr = w, w
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	go func() {
		defer close(g.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			g.lines <- s.Text()
		}
	}()
	return g, nil
}

// await waits for a line with a text in it.
func (g *gate) await(text string) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var seen []string
	for {
		select {
		case line, ok := <-g.lines:
			if !ok {
				return fmt.Errorf("the gate ended before it said %s: %q", text, seen)
			}
			if strings.Contains(line, text) {
				return nil
			}
			seen = append(seen, line)
		case <-timer.C:
			return fmt.Errorf("the gate never said %s: %q", text, seen)
		}
	}
}

func (g *gate) stop() error {
	err := g.cmd.Process.Signal(unix.SIGTERM)
	for range g.lines {
	}
	return errors.Join(err, g.cmd.Wait())
}

// admits is how the gate lets a ticket in.
func admits(ticket string) string { return `"ticket":"` + ticket + `","outcome":"admit"` }

// codes are the passes of a device: lines of ticket and text.
func codes(device string) (out [][2]string, err error) {
	data, err := os.ReadFile("/codes/" + device)
	for line := range strings.Lines(string(data)) {
		ticket, text, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		out = append(out, [2]string{ticket, text})
	}
	if err == nil && len(out) < 2 {
		err = fmt.Errorf("%d codes for %s", len(out), device)
	}
	return out, err
}

// reading shows two codes to a gate, with the plug pulled in the middle of the
// second in between.
func reading(device string, code [][2]string, show func(text string, whole bool) error, unplug, plug func() error) (err error) {
	g, err := run("/" + device + ".toml")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	step := func(acts ...func() error) error {
		for _, act := range acts {
			if err := act(); err != nil {
				return fmt.Errorf("%s: %w", device, err)
			}
		}
		return nil
	}
	there := func() error { return g.await("scan engine is there") }
	return step(there,
		func() error { return show(code[0][1], true) },
		func() error {
			last := time.Now()
			err := g.await(admits(code[0][0]))
			say(device, fmt.Sprintf("last byte sent to admitted %s (the decision's event read)", time.Since(last).Round(10*time.Microsecond)))
			return err
		},
		func() error { return show(code[1][1][:40], false) },
		unplug,
		func() error { return g.await("scan engine is away") },
		func() error { say(device, "unplugged in the middle of a code"); return plug() },
		there,
		func() error { return show(code[1][1], true) },
		func() error { return g.await(admits(code[1][0])) },
		func() error { say(device, "read again after its return"); return nil },
		func() error {
			out, _ := exec.Command("/gate", "doctor", "--config", "/"+device+".toml").Output()
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, " engine ") {
					say(device, "doctor: "+strings.TrimSpace(line))
				}
			}
			return nil
		},
	)
}

// wedge types codes on a keyboard.
func wedge() error {
	code, err := codes("wedge")
	if err != nil {
		return err
	}
	var k *uinput.Keyboard
	plug := func() (err error) {
		k, err = uinput.New("Conting Wedge", 0xc0de, 0x0002)
		return err
	}
	if err := plug(); err != nil {
		return err
	}
	show := func(text string, whole bool) error {
		err := k.Type(text)
		if err == nil && whole {
			err = k.Tap(uinput.Enter)
		}
		return err
	}
	return reading("wedge", code, show, func() error { return k.Close() }, plug)
}

// cdc sends codes from the device's end of a USB cable.
func cdc() error {
	code, err := codes("serial")
	if err != nil {
		return err
	}
	var engine *os.File
	open := func() error {
		return until(func() (err error) {
			engine, err = os.OpenFile("/dev/ttyGS0", os.O_RDWR|unix.O_NOCTTY, 0)
			return err
		})
	}
	plug := func() error {
		if err := until(func() error { return os.WriteFile(socket, []byte("1"), 0) }); err != nil {
			return err
		}
		if err := until(func() error {
			_, err := os.Stat("/dev/ttyACM0")
			return err
		}); err != nil {
			return err
		}
		_ = engine.Close() // it was hung up
		return open()
	}
	unplug := func() error { return os.WriteFile(socket, []byte("0"), 0) }
	if err := open(); err != nil {
		return err
	}
	show := func(text string, whole bool) error {
		if whole {
			text += "\r"
		}
		_, err := io.WriteString(engine, text)
		return err
	}
	return reading("serial", code, show, unplug, plug)
}

// until tries for a while.
func until(try func() error) error {
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}
