package broker

import (
	"context"
	"log/slog"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/con-ting/conting/sync/topic"
)

// hook is where mochi asks what is allowed.
type hook struct {
	mqtt.HookBase
	broker *Broker
	ctx    context.Context //nolint:containedctx // mochi passes none; it is for the log

	retained retained
}

const (
	protocol311 = 4
	maxShown    = 80 // bytes of a foreign name in the log
)

// ID names the hook in mochi's own messages.
func (h *hook) ID() string { return "conting" }

// Provides lists what is implemented below.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnPacketProcessed,
		mqtt.OnPublish, mqtt.OnPublishDropped, mqtt.OnRetainMessage, mqtt.OnWill, mqtt.OnSessionEstablished, mqtt.OnDisconnect:
		return true
	}
	return false
}

// OnConnectAuthenticate lets a client in whose id is that of its certificate and
// whose last will it may publish, as its device's only session.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	will := cl.Properties.Will
	switch {
	case pk.ProtocolVersion != protocol311:
		return h.refuse(c, "protocol version is not 3.1.1", "")
	case cl.ID != string(c.client.Device):
		return h.refuse(c, "client id is not that of the certificate", cl.ID)
	case will.Flag != 0 && !c.client.May(will.TopicName, true):
		return h.refuse(c, "last will on a topic of somebody else", will.TopicName)
	case will.Flag != 0 && (len(will.Payload) > topic.MaxPayload || will.Retain && !c.client.MayRetain(will.TopicName)):
		return h.refuse(c, "last will is too large or may not be retained", will.TopicName)
	}
	// Sessions end with their connection: the application resends, and a broker that
	// keeps queues for absent devices drops from them silently in the end.
	cl.Properties.Clean = true
	if err := h.broker.takeover(h.ctx, c); err != nil {
		return h.refuse(c, "earlier session is still there", "")
	}
	return true
}

func (h *hook) refuse(c *conn, why, name string) bool {
	h.broker.denied.Add(1)
	h.broker.cfg.Logger.WarnContext(h.ctx, "session refused", slog.String("device", string(c.client.Device)),
		slog.String("why", why), slog.String("name", shown(name)))
	return false
}

// OnACLCheck asks the topic table. mochi calls it for publishes, subscriptions and
// deliveries.
func (h *hook) OnACLCheck(cl *mqtt.Client, name string, write bool) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	if c.client.May(name, write) {
		return true
	}
	if n := h.broker.denied.Add(1); n&(n-1) == 0 || n%1024 == 0 { // a line now and then, not a flood
		h.broker.cfg.Logger.WarnContext(h.ctx, "topic denied", slog.String("device", string(c.client.Device)),
			slog.String("topic", shown(name)), slog.Bool("write", write), slog.Uint64("denied", n))
	}
	return false
}

// OnSubscribe bounds what a session makes the broker remember: how many filters
// it has, and nothing of what was delivered. mochi holds a QoS 1 message until its
// PUBACK comes, 65,535 for each session that sends none.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	n := cl.State.Subscriptions.Len()
	for i := range pk.Filters {
		f := &pk.Filters[i]
		f.Qos = 0
		if _, again := cl.State.Subscriptions.Get(f.Filter); again {
			continue
		}
		if n++; n > h.broker.cfg.MaxSubscriptions {
			h.broker.denied.Add(1)
			f.Filter = "" // no filter: mochi answers with a failure
		}
	}
	return pk
}

// OnPublish bounds what is kept: the payload's size, and who may have it retained.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok || len(pk.Payload) > topic.MaxPayload {
		h.broker.denied.Add(1)
		return pk, packets.ErrRejectPacket
	}
	if pk.FixedHeader.Retain && !c.client.MayRetain(pk.TopicName) {
		pk.FixedHeader.Retain = false
	}
	if pk.FixedHeader.Retain {
		h.retained.keep(c) // the last thing here: nothing fails between this and OnRetainMessage
	}
	return pk, nil
}

// OnPublishDropped counts what a full queue could not take.
func (h *hook) OnPublishDropped(*mqtt.Client, packets.Packet) { h.broker.dropped.Add(1) }

// OnSessionEstablished logs who came.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	h.broker.cfg.Logger.InfoContext(h.ctx, "device connected", slog.String("device", cl.ID), slog.String("remote", cl.Net.Remote))
}

// OnDisconnect logs who went, and why.
func (h *hook) OnDisconnect(cl *mqtt.Client, err error, _ bool) {
	h.broker.cfg.Logger.InfoContext(h.ctx, "device disconnected", slog.String("device", cl.ID), slog.Any("error", err))
}

func shown(s string) string { return s[:min(len(s), maxShown)] }
