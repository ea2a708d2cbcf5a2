package camera

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// longestAddress is more than any sensible address has.
const longestAddress = 2048

// parse makes a source of an address. name is the address as logs may show it.
func parse(address string, cfg Config) (src source, name string, err error) {
	if len(address) > longestAddress {
		return nil, "", fmt.Errorf("%w: %d characters", ErrAddress, len(address))
	}
	scheme, rest, ok := strings.Cut(address, ":")
	if !ok || rest == "" && scheme != "test" && scheme != "stdin" && scheme != "program" {
		return nil, "", fmt.Errorf("%w: %q: want v4l2:, http://, https://, program:, stdin:, file:, dir: or test: and where", ErrAddress, address)
	}
	switch scheme {
	case "http", "https":
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, "", fmt.Errorf("%w: want %s://host/path", ErrAddress, scheme)
		}
		return newHTTPSource(u, cfg), redact(address, false), nil
	case "v4l2":
		return &deviceSource{path: rest, cfg: cfg, start: openDevice}, address, nil
	case "program":
		src, err := newProgram(cfg)
		return src, "program:" + filepath.Base(append(cfg.Command, "")[0]), err
	case "stdin":
		src, err := parsePipe(rest, cfg)
		return src, address, err
	case "file", "dir":
		src, err := parseFile(scheme, rest, cfg.Now)
		return src, address, err
	case "test":
		src, err := parseCard(rest, cfg)
		return src, address, err
	case "rtsp", "rtsps":
		return nil, "", fmt.Errorf("%w: RTSP comes in through a program; see the README for its [camera] command", ErrAddress)
	}
	return nil, "", fmt.Errorf("%w: kind %q: want v4l2, http, https, program, stdin, file, dir or test", ErrAddress, scheme)
}

// options is what may stand behind the question mark of an address.
type options struct {
	Format
	loop  bool
	every time.Duration // from fps; zero without
}

// parseOptions reads ?loop=1&fps=10. Only the keys named in known are understood.
func parseOptions(query string, known ...string) (o options, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return o, fmt.Errorf("%w: options %.80q", ErrAddress, query)
	}
	for key, v := range values {
		if !slices.Contains(known, key) {
			return o, fmt.Errorf("%w: unknown option %.20q: there are %s", ErrAddress, key, strings.Join(known, ", "))
		}
		switch key {
		case "loop":
			o.loop, err = strconv.ParseBool(v[0])
		case "fps":
			o.every, err = interval(v[0])
		case "format":
			o.Pixels = v[0]
		case "width":
			o.Width, err = strconv.Atoi(v[0])
		case "height":
			o.Height, err = strconv.Atoi(v[0])
		case "stride":
			o.Stride, err = strconv.Atoi(v[0])
		}
		if err != nil {
			return o, fmt.Errorf("%w: option %s=%.20q: %w", ErrAddress, key, v[0], err)
		}
	}
	return o, nil
}

// interval is the time between frames of a rate that a person wrote.
func interval(fps string) (time.Duration, error) {
	n, err := strconv.ParseFloat(fps, 64)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(n) || n < 0.01 || n > 1000 {
		return 0, strconv.ErrRange
	}
	return time.Duration(float64(time.Second) / n), nil
}

// parseFile reads PATH?loop=1&fps=10. The path is taken as it stands, without escapes.
func parseFile(scheme, rest string, now func() time.Time) (source, error) {
	path, query, _ := strings.Cut(rest, "?")
	if clean, ok := strings.CutPrefix(path, "//"); ok { // file:///path
		path = "/" + strings.TrimLeft(clean, "/")
	}
	if path == "" {
		return nil, fmt.Errorf("%w: %q", ErrAddress, rest)
	}
	if scheme == "file" {
		o, err := parseOptions(query, "loop", "fps", "format", "width", "height", "stride")
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".y4m":
			o.Pixels = cmp.Or(o.Pixels, y4mVideo)
		case ".mjpeg", ".mjpg":
			o.Pixels = cmp.Or(o.Pixels, jpgVideo)
		}
		if o.Pixels != anyVideo {
			f := &film{path: path, format: o.Format, loop: o.loop, every: o.every, now: now}
			if err := f.format.Check(); err != nil {
				return nil, err
			}
			return f, f.look()
		}
	}
	o, err := parseOptions(query, "loop", "fps")
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, single: scheme == "file", loop: o.loop, every: o.every, now: now}
	return f, f.list()
}

// parsePipe reads ?format=yu12&width=1280&height=720&stride=1280&fps=30.
func parsePipe(rest string, cfg Config) (source, error) {
	if cfg.Stdin == nil {
		return nil, fmt.Errorf("%w: standard input cannot be read here", ErrAddress)
	}
	query, ok := strings.CutPrefix(rest, "?")
	if !ok && rest != "" {
		return nil, fmt.Errorf("%w: stdin:%.40s: want stdin: or stdin:?format=…", ErrAddress, rest)
	}
	o, err := parseOptions(query, "format", "width", "height", "stride", "fps")
	if err != nil {
		return nil, err
	}
	return &pipe{r: cfg.Stdin, format: o.Format, every: o.every, now: cfg.Now}, o.Check()
}

// parseCard reads ?width=1280&height=720&fps=10.
func parseCard(rest string, cfg Config) (source, error) {
	query, ok := strings.CutPrefix(rest, "?")
	if !ok && rest != "" {
		return nil, fmt.Errorf("%w: test:%.40s: want test: or test:?fps=…", ErrAddress, rest)
	}
	o, err := parseOptions(query, "width", "height", "fps")
	if err != nil {
		return nil, err
	}
	return newCard(cmp.Or(o.Width, cfg.Width), cmp.Or(o.Height, cfg.Height), cmp.Or(o.every, cardEvery), cfg.Now)
}
