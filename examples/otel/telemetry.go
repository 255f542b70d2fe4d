package main

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/iomeeting/iomeeting-go/hostpool"
)

// handler turns the log records of a Client and a Pool into metrics and spans. The
// client keeps its own transports, with which a Schedule arrives at most once, so
// nothing has to be put between the client and the network.
type handler struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	events   metric.Int64Counter
}

func newHandler(meter metric.Meter, tracer trace.Tracer) (*handler, error) {
	duration, err := meter.Float64Histogram("iomeeting.call.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of the attempts of calls."))
	if err != nil {
		return nil, err
	}
	events, err := meter.Int64Counter("iomeeting.pool.events",
		metric.WithDescription("What happened to leases and accounts."))
	if err != nil {
		return nil, err
	}
	return &handler{tracer, duration, events}, nil
}

// Enabled returns true, because the records of successful calls have level Debug.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

func (h *handler) WithAttrs([]slog.Attr) slog.Handler { return h } // neither package uses it
func (h *handler) WithGroup(string) slog.Handler      { return h } // neither package uses it

// Handle records one attempt of a call, or one event of a pool.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	values := make(map[string]slog.Value)
	r.Attrs(func(a slog.Attr) bool {
		values[a.Key] = a.Value
		return true
	})
	if r.Message == "iomeeting call" {
		h.call(ctx, r.Time, values)
	} else {
		h.events.Add(ctx, 1, metric.WithAttributes(attribute.String("event", r.Message)))
	}
	return nil
}

// call records an attempt that ended at end.
func (h *handler) call(ctx context.Context, end time.Time, values map[string]slog.Value) {
	duration := values["duration"].Duration()
	attributes := []attribute.KeyValue{
		attribute.String("op", values["op"].String()),
		attribute.Int64("status", values["status"].Int64()),
	}
	h.duration.Record(ctx, duration.Seconds(), metric.WithAttributes(attributes...))

	_, span := h.tracer.Start(ctx, "iomeeting "+values["op"].String(),
		trace.WithTimestamp(end.Add(-duration)),
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(append(attributes, attribute.Int64("attempt", values["attempt"].Int64()))...))
	if err, failed := values["error"]; failed {
		span.SetStatus(codes.Error, err.String()) // no error contains a password
	}
	span.End(trace.WithTimestamp(end))
}

// observe exports how many accounts of the pool are free, leased, and leased past
// their time. The last ones are checked when the pool needs them.
func observe(meter metric.Meter, pool *hostpool.Pool, accounts int) error {
	gauge, err := meter.Int64ObservableGauge("iomeeting.pool.accounts",
		metric.WithDescription("Host accounts by state."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		leases, err := pool.Leases(ctx)
		if err != nil {
			return err
		}
		state := map[string]int64{"free": int64(accounts - len(leases)), "leased": 0, "expired": 0}
		for _, lease := range leases {
			if time.Now().After(lease.Expires) {
				state["expired"]++
			} else {
				state["leased"]++
			}
		}
		for name, n := range state {
			o.ObserveInt64(gauge, n, metric.WithAttributes(attribute.String("state", name)))
		}
		return nil
	}, gauge)
	return err
}
