// Package servers starts the real programs that central can be put on when one
// machine is outgrown, each on a loopback port of its own with a folder of its own,
// for tests and benches.
//
// It holds no client of them beyond what starting them needs, installs nothing, and
// is never part of a product command. A test whose program is missing is skipped
// with the name of the package to install. What it starts ends with the process
// that started it, however that one ends.
package servers
