package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/testdata/frames"
)

// TestDevices boots a kernel with devices and has the built gate read them. make
// test-devices prepares the folder that DEVICES names: the kernel's package
// unpacked in linux/, and the programs gate, devices and engine.test, all static.
func TestDevices(t *testing.T) {
	dir := os.Getenv("DEVICES")
	if dir == "" {
		t.Skip("runs by make test-devices")
	}
	w := newWorld(t, 20)
	host := t.TempDir()
	name := w.config(host, "[uplink]\nenabled = false\n")
	set := w.setFile(filepath.Join(host, "v1.set"), w.set(ticketset.Current{}, w.now, w.now.Add(48*time.Hour)))
	a := &app{in: bytes.NewReader(nil), out: t.Output(), err: t.Output(), now: time.Now, getenv: func(string) string { return "" }, pid: 7}
	for _, args := range [][]string{{"enrol", "--config", name, w.invitation(worldCode)}, {"load-set", "--config", name, set}} {
		if code := a.run(t.Context(), args); code != 0 {
			t.Fatalf("%s: exit status %d", args[0], code)
		}
	}

	img := &initramfs{}
	for from, to := range map[string]string{"devices": "init", "gate": "gate", "engine.test": "engine.test"} {
		w.ok(img.copy(filepath.Join(dir, from), to))
	}
	w.ok(img.tree(filepath.Join(host, "data"), "data"))
	kernel, modules, err := findKernel(filepath.Join(dir, "linux"))
	w.ok(err)
	w.ok(img.modules(modules, "evdev", "uinput", "cdc_acm", "dummy_hcd", "usb_f_acm", "g_serial", "vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=3 num_outputs=1 output_types=1"))
	// Tickets with an odd number are of paper: their codes do not grow old.
	for device, c := range map[string]struct {
		configs []string // the section of the device; of a camera, its pixel format
		first   int
		tickets int
	}{
		"wedge":  {[]string{"[engine]\ndevice = \"usb:c0de:0002\""}, 1, 2},
		"serial": {[]string{"[engine]\ndevice = \"/dev/ttyACM0\""}, 5, 2},
		"camera": {[]string{"GREY", "YUYV", "NV12"}, 9, 4},
	} {
		for _, section := range c.configs {
			name := device
			if device == "camera" {
				name += "-" + section
				section = fmt.Sprintf("[camera]\nurl = \"v4l2:/dev/video0\"\ndecode_budget = \"1s\"\npixel_format = %q", section)
			}
			img.add(name+".toml", 0o600, fmt.Appendf(nil, "data_dir = \"/data\"\n[lane]\ninput = %q\npassage_delay = \"0s\"\n[panel]\nlisten = \"127.0.0.1:0\"\n"+
				"[clock]\nuncertainty = \"100ms\"\n[uplink]\nenabled = false\n%s\n", device, section))
		}
		var codes strings.Builder
		for n := range c.tickets {
			i := c.first + 2*n
			text := w.pass(i, w.now)
			fmt.Fprintf(&codes, "%s\t%s\n", short(w.tickets[i].ID), text)
			if device == "camera" {
				gray, err := frames.Render(frames.Easy, 1, image.Pt(1280, 720), text)
				w.ok(err)
				img.add(fmt.Sprintf("pictures/%d.grey", n), 0o600, gray.Pix)
			}
		}
		img.add("codes/"+device, 0o600, []byte(codes.String()))
	}
	initrd := filepath.Join(host, "initrd")
	w.ok(img.write(initrd))

	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	// Emulated, because a KVM that is there need not work: inside another virtual
	// machine it may stand still for ever.
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", cmp.Or(os.Getenv("QEMU_ACCEL"), "tcg"), "-m", "1024", "-smp", "2", "-nographic", "-no-reboot", "-nic", "none",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1")
	console, err := cmd.StdoutPipe()
	w.ok(err)
	w.ok(cmd.Start())
	passed := false
	for lines := bufio.NewScanner(console); lines.Scan(); {
		t.Log(lines.Text())
		passed = passed || strings.Contains(lines.Text(), "devices: passed")
	}
	if err := cmd.Wait(); err != nil || !passed {
		t.Errorf("the machine ended with %v", err)
	}
}

// findKernel finds a kernel and its modules in an unpacked package of Debian's.
func findKernel(dir string) (kernel, modules string, err error) {
	kernels, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return "", "", fmt.Errorf("%d kernels in %s: %w", len(kernels), dir, errors.Join(err, fs.ErrNotExist))
	}
	version := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	return kernels[0], filepath.Join(dir, "lib", "modules", version, "kernel"), nil
}

// initramfs is a first file system for Linux, as a cpio archive.
type initramfs struct {
	body bytes.Buffer
	made map[string]bool
}

// add adds a file, and the folders above it.
func (i *initramfs) add(name string, mode fs.FileMode, data []byte) {
	if dir := filepath.Dir(name); dir != "." {
		i.folder(dir)
	}
	i.entry(name, 0o100000|uint32(mode.Perm()), data)
}

func (i *initramfs) folder(name string) {
	if dir := filepath.Dir(name); dir != "." {
		i.folder(dir)
	}
	if i.made == nil {
		i.made = map[string]bool{}
	}
	if !i.made[name] {
		i.made[name] = true
		i.entry(name, 0o040700, nil)
	}
}

// entry writes the header of the format newc, and the data.
func (i *initramfs) entry(name string, mode uint32, data []byte) {
	pad := func() {
		for i.body.Len()%4 != 0 {
			i.body.WriteByte(0)
		}
	}
	fmt.Fprintf(&i.body, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	i.body.WriteString(name + "\x00")
	pad()
	i.body.Write(data)
	pad()
}

func (i *initramfs) copy(from, to string) error {
	data, err := os.ReadFile(from)
	if err == nil {
		i.add(to, 0o700, data)
	}
	return err
}

func (i *initramfs) tree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		i.add(filepath.Join(to, rel), 0o600, data)
		return err
	})
}

// modules adds modules, given with their parameters, and what they depend on.
func (i *initramfs) modules(dir string, wanted ...string) error {
	files := map[string]string{}
	if err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if base, ok := strings.CutSuffix(filepath.Base(name), ".ko"); ok {
			files[strings.ReplaceAll(base, "-", "_")] = name
		}
		return err
	}); err != nil {
		return err
	}
	var order strings.Builder
	done := map[string]bool{}
	var add func(name, params string) error
	add = func(name, params string) error {
		file := files[name]
		if file == "" || done[name] { // built into the kernel
			return nil
		}
		done[name] = true
		needs, err := dependencies(file)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(strings.ReplaceAll(n, "-", "_"), ""); err != nil {
				return err
			}
		}
		fmt.Fprintln(&order, strings.TrimSpace(name+".ko "+params))
		return i.copy(file, "modules/"+name+".ko")
	}
	for _, m := range wanted {
		name, params, _ := strings.Cut(m, " ")
		if files[name] == "" {
			return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		if err := add(name, params); err != nil {
			return err
		}
	}
	i.add("modules/order", 0o600, []byte(order.String()))
	return nil
}

// dependencies reads which modules a module needs.
func dependencies(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Section(".modinfo").Data()
	if err != nil {
		return nil, err
	}
	for line := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(line), "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}

func (i *initramfs) write(name string) error {
	i.entry("TRAILER!!!", 0, nil)
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, err = io.Copy(z, &i.body)
	return errors.Join(err, z.Close(), f.Close())
}
