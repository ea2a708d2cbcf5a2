package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrMissing means that this machine lacks what an emulator needs.
var ErrMissing = errors.New("not installed")

// ErrStopped means that QEMU is not running any more.
var ErrStopped = errors.New("emulator stopped")

// patience bounds a wait whose context has no deadline.
const patience = 30 * time.Second

const program = "qemu-system-arm"

// Available returns an error that wraps [ErrMissing], and says what to install,
// where QEMU is missing.
func Available() error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s: %w (apt-get install qemu-system-arm)", program, ErrMissing)
	}
	return nil
}

// Config says what to boot.
type Config struct {
	Image string // the ELF of make firmware

	// EEPROM is the file that plays the board's memory, made where it does not
	// exist; it outlives the board. Empty: a blank memory that ends with it.
	EEPROM string

	// Line is where the serial line comes out: "unix:PATH", "tcp:HOST:PORT" or
	// "pty". Empty: a unix socket in a directory of its own. One peer at a time;
	// it may go and come back.
	Line string

	// Levels are the inputs at the start, by bit.
	Levels uint16

	// Patient leaves the board alone when its watchdog has waited in vain. QEMU's
	// time is the machine's: where that is so busy that the emulator gets no turn
	// for half a second, the watchdog would end what nothing is wrong with.
	Patient bool

	// Stderr gets QEMU's complaints; nil drops them.
	Stderr io.Writer
}

// Board is one running board. Its methods are safe for concurrent use.
type Board struct {
	config Config
	dir    string
	line   string
	cmd    *exec.Cmd
	done   chan struct{} // closed when QEMU has ended

	qtest *qtest
	qmp   *qmp
	gdb   string
	pins  pins
	once  sync.Once
}

// Boot starts a board and returns once its pins can be moved and its outputs are
// watched; the firmware starts then. Whoever gets a Board closes it.
func Boot(ctx context.Context, c Config) (*Board, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "board")
	if err != nil {
		return nil, fmt.Errorf("boot the emulator: %w", err)
	}
	b := &Board{config: c, dir: dir, done: make(chan struct{}), gdb: filepath.Join(dir, "gdb")}
	if err := b.boot(ctx); err != nil {
		_ = b.Close()
		return nil, fmt.Errorf("boot the emulator: %w", err)
	}
	return b, nil
}

func (b *Board) boot(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if b.config.EEPROM == "" {
		b.config.EEPROM = filepath.Join(b.dir, "eeprom")
	}
	if err := blank(b.config.EEPROM); err != nil {
		return err
	}
	serial, err := b.serial()
	if err != nil {
		return err
	}
	for _, path := range []string{b.config.EEPROM, b.config.Image, b.line} {
		if strings.Contains(path, ",") {
			return fmt.Errorf("%q: QEMU takes no comma in a path", path)
		}
	}
	// Not CommandContext: the board outlives the call that boots it and ends with Close.
	b.cmd = exec.Command(program, "-M", "lm3s6965evb", "-accel", "tcg", "-S",
		"-display", "none", "-monitor", "none", "-nodefaults", "-nic", "none",
		"-serial", serial,
		"-qtest", "unix:"+filepath.Join(b.dir, "qtest")+",server=on,wait=off", "-qtest-log", "none",
		"-qmp", "unix:"+filepath.Join(b.dir, "qmp")+",server=on,wait=off",
		"-gdb", "unix:"+b.gdb+",server=on,wait=off",
		"-drive", "if=none,id=eeprom,format=raw,cache=writethrough,file="+b.config.EEPROM,
		"-device", "at24c-eeprom,bus=i2c,address=0x50,rom-size=4096,drive=eeprom",
		"-kernel", b.config.Image)
	if b.config.Patient {
		b.cmd.Args = append(b.cmd.Args, "-action", "watchdog=none")
	}
	b.cmd.Stderr = b.config.Stderr
	if err := b.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = b.cmd.Wait() // how it ended is of no interest: it is killed
		close(b.done)
	}()
	return b.connect(ctx)
}

// connect takes hold of the pins before the processor runs.
func (b *Board) connect(ctx context.Context) error {
	conn, err := b.dial(ctx, "unix", filepath.Join(b.dir, "qtest"))
	if err != nil {
		return err
	}
	b.pins.changed = make(chan struct{})
	b.qtest = newQTest(conn, b.pins.edge)
	if conn, err = b.dial(ctx, "unix", filepath.Join(b.dir, "qmp")); err != nil {
		return err
	}
	if b.qmp, err = newQMP(ctx, conn, b.wasReset); err != nil {
		return err
	}
	if _, err := b.qtest.do(ctx, "irq_intercept_out "+portD); err != nil {
		return err
	}
	b.pins.inputs = b.config.Levels
	if err := b.assert(ctx); err != nil {
		return err
	}
	if b.line == "" { // a pty: QEMU chose its name
		if b.line, err = b.qmp.pty(ctx); err != nil {
			return err
		}
	}
	_, err = b.qmp.do(ctx, "cont", nil)
	return err
}

// serial returns QEMU's words for the line and remembers ours.
func (b *Board) serial() (string, error) {
	line := b.config.Line
	if line == "" {
		line = "unix:" + filepath.Join(b.dir, "line")
	}
	switch {
	case line == "pty":
		return "pty", nil
	case strings.HasPrefix(line, "unix:"), strings.HasPrefix(line, "tcp:"):
		b.line = line
		return line + ",server=on,wait=off", nil
	}
	return "", fmt.Errorf("line %q is none of unix:PATH, tcp:HOST:PORT and pty", line)
}

// dial waits for QEMU to listen.
func (b *Board) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-b.done:
			return nil, fmt.Errorf("%w: %w", ErrStopped, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Line says where the serial line is: "unix:PATH", "tcp:HOST:PORT" or
// "pty:/dev/pts/N".
func (b *Board) Line() string { return b.line }

// Dial opens the serial line; not for a pty, which is opened like a port.
func (b *Board) Dial(ctx context.Context) (net.Conn, error) {
	network, address, _ := strings.Cut(b.line, ":")
	if network == "pty" {
		return nil, errors.New("a pty is opened as a serial port")
	}
	return b.dial(ctx, network, address)
}

// Done is closed when QEMU has ended, however that came.
func (b *Board) Done() <-chan struct{} { return b.done }

// Close cuts the board's power: QEMU is killed, what the firmware had not written
// to its EEPROM is gone. It may be called twice.
func (b *Board) Close() error {
	b.once.Do(func() {
		if b.cmd != nil && b.cmd.Process != nil {
			_ = b.cmd.Process.Kill()
			<-b.done
		}
		if b.qtest != nil {
			b.qtest.close()
		}
		if b.qmp != nil {
			b.qmp.close()
		}
		_ = os.RemoveAll(b.dir)
	})
	return nil
}

// blank makes a new EEPROM: all ones, as they leave the factory.
func blank(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	cells := make([]byte, EEPROMSize)
	for i := range cells {
		cells[i] = 0xFF
	}
	_, err = f.Write(cells)
	return errors.Join(err, f.Close())
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}
