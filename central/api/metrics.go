package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/ticket"
)

const namespace = "conting_central"

// Metrics counts what the publisher tells it. /metrics shows that, and what the
// sale, the fleet and the ledger hold at that moment, to whoever has the admin
// token: the counts concern no person, but how a sale goes is the organiser's.
// No label comes from outside but event ids. It is safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	deltas    *prometheus.CounterVec
	ops       *prometheus.CounterVec
	version   *prometheus.GaugeVec
	tickets   *prometheus.GaugeVec
	build     prometheus.Histogram
	batches   prometheus.Counter
	entries   prometheus.Counter
	conflicts *prometheus.CounterVec
	incidents *prometheus.CounterVec
	outbox    handedOut
	mint      minted
}

var _ publish.Observer = (*Metrics)(nil)

// NewMetrics returns a registry of its own with every figure at zero; version is
// that of the program.
func NewMetrics(version string) (*Metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: namespace, Name: name, Help: help}
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts(opts(name, help)), labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		deltas:   counter("deltas_published_total", "Deltas sent to the broker for the first time, by event.", "event"),
		ops:      counter("delta_changes_total", "Changes in those deltas, by event.", "event"),
		version:  gauge("set_version", "Version of the newest ticket set that this process built, by event.", "event"),
		tickets:  gauge("set_tickets", "Tickets in that set, by event.", "event"),
		build: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "set_build_seconds", Help: "Time to build, store and send a ticket set.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		batches:   prometheus.NewCounter(prometheus.CounterOpts(opts("journal_batches_total", "Journal batches that brought something new."))),
		entries:   prometheus.NewCounter(prometheus.CounterOpts(opts("journal_entries_total", "Journal entries stored."))),
		conflicts: counter("conflicts_found_total", "Tickets found to be admitted too often, by event.", "event"),
		incidents: counter("incidents_recorded_total", "Incidents recorded, by kind.", "kind"),
		outbox:    newHandedOut(),
		mint:      newMinted(),
	}
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the label says which release this is.",
		ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
	for _, c := range append(append(m.outbox.collectors(), m.mint.collectors()...),
		m.deltas, m.ops, m.version, m.tickets, m.build, m.batches, m.entries, m.conflicts, m.incidents, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	) {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("api: register metrics: %w", err)
		}
	}
	return m, nil
}

// DeltaPublished implements [publish.Observer].
func (m *Metrics) DeltaPublished(event ticket.EventID, _ uint64, ops int) {
	m.deltas.WithLabelValues(event.String()).Inc()
	m.ops.WithLabelValues(event.String()).Add(float64(ops))
}

// SetPublished implements [publish.Observer].
func (m *Metrics) SetPublished(event ticket.EventID, version uint64, tickets int, took time.Duration) {
	m.version.WithLabelValues(event.String()).Set(float64(version))
	m.tickets.WithLabelValues(event.String()).Set(float64(tickets))
	m.build.Observe(took.Seconds())
}

// JournalStored implements [publish.Observer].
func (m *Metrics) JournalStored(_ ticket.DeviceID, entries int) {
	m.batches.Inc()
	m.entries.Add(float64(entries))
}

// ConflictFound implements [publish.Observer].
func (m *Metrics) ConflictFound(event ticket.EventID) {
	m.conflicts.WithLabelValues(event.String()).Inc()
}

// IncidentRecorded implements [publish.Observer].
func (m *Metrics) IncidentRecorded(kind publish.IncidentKind) {
	m.incidents.WithLabelValues(string(kind)).Inc()
}

// metrics answers in Prometheus' own format. Figures that cannot be read are an
// error of the whole: a scrape that lacks half of them would look like calm.
func (a *API) metrics(c *gin.Context) {
	now, err := a.takeStock(c.Request.Context())
	if err != nil {
		a.fail(c, err)
		return
	}
	stock := prometheus.NewRegistry()
	if err := stock.Register(now); err != nil {
		a.fail(c, fmt.Errorf("metrics: %w", err))
		return
	}
	all := prometheus.Gatherers{stock}
	if a.cfg.Metrics != nil {
		all = append(all, a.cfg.Metrics.registry)
	}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(c.Writer, c.Request)
}

// stock is what there is at one moment.
type stock []prometheus.Metric

// Describe says nothing: what there is differs from one moment to the next.
func (s stock) Describe(chan<- *prometheus.Desc) {}

func (s stock) Collect(out chan<- prometheus.Metric) {
	for _, m := range s {
		out <- m
	}
}

// stocktaking describes the figures of a stock.
type stocktaking struct {
	stock                                         stock
	places, ledger, conflicts, devices, incidents *prometheus.Desc
	waiting, people, pace                         *prometheus.Desc
	tokens, unsettled, stuck, actions, spent      *prometheus.Desc
	balance, low                                  *prometheus.Desc
}

func newStocktaking() *stocktaking {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &stocktaking{
		places:    desc("places", "Places of an event, by zone and state: free, held or sold.", "event", "zone", "state"),
		ledger:    desc("ledger_rows", "Length of an event's ledger.", "event"),
		conflicts: desc("conflicts", "Tickets of an event that were ever found to be admitted too often.", "event"),
		devices:   desc("devices", "Devices in force, by whether they are online.", "online"),
		incidents: desc("incidents", "Incidents on record."),
		waiting:   desc("queue_waiting", "People in an event's waiting room.", "event"),
		people:    desc("queue_people", "What happened to people in an event's waiting room: entered, passed, skipped, back or left.", "event", "what"),
		pace:      desc("queue_pace", "Places by which a line moves in a second, as measured: at best and at worst.", "event", "bound"),
		tokens:    desc("mint_tokens", "Tickets' tokens by what they are on chain: none, held, free or burned.", "form"),
		unsettled: desc("mint_unsettled", "Tokens that are not yet what they shall be."),
		stuck:     desc("mint_stuck", "Tokens that need a person. Anything but 0 is an alarm."),
		actions:   desc("mint_actions", "Actions on tokens by state.", "state"),
		balance:   desc("mint_payer_lamports", "What the fee payer had when it was last asked for; of the central that leads."),
		low:       desc("mint_payer_low", "1 while that is too little; of the central that leads."),
		spent:     desc("mint_lamports", "Lamports that were paid for what is final: fee, or rent, which partly comes back.", "what"),
	}
}

func (s *stocktaking) add(d *prometheus.Desc, value float64, labels ...string) {
	s.stock = append(s.stock, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
}

func (a *API) takeStock(ctx context.Context) (stock, error) {
	s := newStocktaking()
	online, enrolled, err := a.cfg.Fleet.Online(ctx)
	if err != nil {
		return nil, err
	}
	s.add(s.devices, float64(online), "true")
	s.add(s.devices, float64(enrolled-online), "false")
	incidents, err := a.cfg.Publisher.IncidentCount(ctx)
	if err != nil {
		return nil, err
	}
	s.add(s.incidents, float64(incidents))
	if a.cfg.Queue != nil {
		for _, i := range a.cfg.Queue.Infos() {
			s.addQueue(&i)
		}
	}
	if a.cfg.Mint != nil {
		tally, err := a.cfg.Mint.Store.Tally(ctx)
		if err != nil {
			return nil, err
		}
		status := a.cfg.Mint.Worker.Status()
		s.addMint(&tally, &status)
	}
	for after := ticket.EventID(0); ; {
		ls, err := a.cfg.Till.Listings(ctx, after, maxPage)
		if err != nil {
			return nil, err
		}
		for i := range ls {
			after = ls[i].Event.ID
			for _, z := range ls[i].Zones {
				zone := strconv.Itoa(int(z.Zone))
				s.add(s.places, float64(z.Free()), after.String(), zone, "free")
				s.add(s.places, float64(z.Held), after.String(), zone, "held")
				s.add(s.places, float64(z.Sold), after.String(), zone, "sold")
			}
			ledger, conflicts, err := a.cfg.Publisher.Head(ctx, after)
			if err != nil {
				return nil, err
			}
			s.add(s.ledger, float64(ledger), after.String())
			s.add(s.conflicts, float64(conflicts), after.String())
		}
		if len(ls) < maxPage {
			return s.stock, nil
		}
	}
}
