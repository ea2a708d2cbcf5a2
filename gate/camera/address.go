package camera

import (
	"fmt"
	"math"
	"net/url"
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
	if !ok || rest == "" {
		return nil, "", fmt.Errorf("%w: %q: want v4l2:, http://, https://, file: or dir: and where", ErrAddress, address)
	}
	switch scheme {
	case "http", "https":
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, "", fmt.Errorf("%w: want %s://host/path", ErrAddress, scheme)
		}
		return newHTTPSource(u, cfg), u.Redacted(), nil
	case "v4l2":
		return &deviceSource{path: rest, cfg: cfg, start: openDevice}, address, nil
	case "file", "dir":
		src, err := parseFolder(scheme, rest, cfg.Now)
		return src, address, err
	}
	return nil, "", fmt.Errorf("%w: kind %q: want v4l2, http, https, file or dir", ErrAddress, scheme)
}

// parseFolder reads PATH?loop=1&fps=10. The path is taken as it stands, without escapes.
func parseFolder(scheme, rest string, now func() time.Time) (source, error) {
	path, query, _ := strings.Cut(rest, "?")
	if clean, ok := strings.CutPrefix(path, "//"); ok { // file:///path
		path = "/" + strings.TrimLeft(clean, "/")
	}
	values, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return nil, fmt.Errorf("%w: %q", ErrAddress, rest)
	}
	f := &folder{path: path, single: scheme == "file", now: now}
	for key, v := range values {
		switch key {
		case "loop":
			f.loop, err = strconv.ParseBool(v[0])
		case "fps":
			var fps float64
			fps, err = strconv.ParseFloat(v[0], 64)
			if err == nil && (math.IsNaN(fps) || fps < 0.01 || fps > 1000) {
				err = strconv.ErrRange
			}
			f.every = time.Duration(float64(time.Second) / fps)
		default:
			return nil, fmt.Errorf("%w: unknown option %q: there are loop and fps", ErrAddress, key)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: option %s=%q: %w", ErrAddress, key, v[0], err)
		}
	}
	if err := f.list(); err != nil {
		return nil, err
	}
	return f, nil
}
