package main

import (
	"time"
)

// clusterConfig is for several centrals on one PostgreSQL database.
type clusterConfig struct {
	// Address is where the other centrals reach this one's device.listen, host:port.
	// Default: the first of hosts, with the port of device.listen.
	Address string `toml:"address"`

	// Lease is how long the leader may be silent before another central takes its
	// work over, 1s to 10m. It is the same for all. Default 20s.
	Lease time.Duration `toml:"lease"`
}
