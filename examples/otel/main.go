// Otel exports the calls of package iomeeting and the state of a pool as
// OpenTelemetry metrics and traces. It schedules two meetings on an in-process
// IOMeeting server, and prints what an exporter would send.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

// run prints the metrics and traces of a few calls.
func run(ctx context.Context, out io.Writer) error {
	metricExporter, err := stdoutmetric.New(stdoutmetric.WithWriter(out), stdoutmetric.WithPrettyPrint())
	if err != nil {
		return err
	}
	traceExporter, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter)))
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(traceExporter))
	err = work(ctx, metrics, traces)
	return errors.Join(err, metrics.Shutdown(ctx), traces.Shutdown(ctx)) // the shutdown exports the metrics
}

// work schedules meetings on a pool of two accounts until none is free.
func work(ctx context.Context, metrics *sdkmetric.MeterProvider, traces *sdktrace.TracerProvider) error {
	meter, tracer := metrics.Meter("iomeeting"), traces.Tracer("iomeeting")
	h, err := newHandler(meter, tracer)
	if err != nil {
		return err
	}
	hosts := []iomeeting.Host{
		{Email: "alice@example.com", Password: iomeeting.NewSecret("secret-1")},
		{Email: "bob@example.com", Password: iomeeting.NewSecret("secret-2")},
	}
	service := iomeetingtest.NewServer(hosts...)
	defer service.Close()
	client := service.Client(iomeeting.WithLogger(slog.New(h)))
	pool, err := hostpool.New(client, hosts, hostpool.WithLogger(slog.New(h)))
	if err != nil {
		return err
	}
	if err := observe(meter, pool, len(hosts)); err != nil {
		return err
	}
	ctx, span := tracer.Start(ctx, "two visitors")
	defer span.End()
	for range hosts {
		if _, err := pool.Schedule(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}
