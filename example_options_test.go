package iomeeting_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// carol is the account of the service in these examples. What an example uses
// stands in its own file, or pkgsite cannot run it.
var carol = iomeeting.Host{Email: "carol@example.com", Password: iomeeting.NewSecret("purple monkey")}

func ExampleWithTimeout() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()
	service.FailNext(iomeetingtest.Delay(time.Hour))

	client, err := iomeeting.NewClient(service.URL,
		iomeeting.WithTimeout(10*time.Millisecond), // such as 5*time.Second for a page that somebody waits for
		iomeeting.WithRetries(0),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Query(context.Background(), carol)
	fmt.Println("time ran out:", errors.Is(err, context.DeadlineExceeded))
	// Output:
	// time ran out: true
}

func ExampleWithRetries() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()

	for _, retries := range []int{0, 1} {
		client, err := iomeeting.NewClient(service.URL, iomeeting.WithRetries(retries))
		if err != nil {
			log.Fatal(err)
		}
		service.FailNext(iomeetingtest.HTTPStatus(http.StatusServiceUnavailable)) // once
		_, err = client.Query(context.Background(), carol)
		fmt.Println(retries, err)
	}
	// Output:
	// 0 iomeeting: query: bad response: the answer has HTTP status 503 Service Unavailable
	// 1 <nil>
}

// A server that sends up to 1,000 calls at once keeps as many connections by
// WithMaxIdleConns(1000). A job that sends one a day needs to keep none.
func ExampleWithMaxIdleConns() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()

	client, err := iomeeting.NewClient(service.URL, iomeeting.WithMaxIdleConns(0))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Query(context.Background(), carol); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Connection:", service.Requests()[0].Header.Get("Connection"))
	// Output:
	// Connection: close
}

func ExampleWithLogger() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug, // Info, the default, shows only the calls that failed
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" { // these differ from run to run
				return slog.Attr{}
			}
			return a
		},
	}))
	client, err := iomeeting.NewClient(service.URL, iomeeting.WithLogger(logger), iomeeting.WithRetries(0))
	if err != nil {
		log.Fatal(err)
	}
	_, _ = client.Query(context.Background(), carol)
	service.FailNext(iomeetingtest.HTTPStatus(http.StatusBadGateway))
	_, _ = client.Query(context.Background(), carol)
	// Output:
	// level=DEBUG msg="iomeeting call" op=query try=1 status=200 again=false
	// level=WARN msg="iomeeting call" op=query try=1 status=502 again=false error="iomeeting: query: bad response: the answer has HTTP status 502 Bad Gateway"
}

func ExampleWithUserAgent() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()

	client, err := iomeeting.NewClient(service.URL, iomeeting.WithUserAgent("booking-desk/1.4"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Query(context.Background(), carol); err != nil {
		log.Fatal(err)
	}
	fmt.Println(service.Requests()[0].Header.Get("User-Agent"))
	// Output:
	// booking-desk/1.4
}

// A service that only a private network reaches may have no https.
func ExampleWithInsecureHTTP() {
	_, err := iomeeting.NewClient("http://10.0.0.7:8080")
	fmt.Println(err)
	_, err = iomeeting.NewClient("http://10.0.0.7:8080", iomeeting.WithInsecureHTTP())
	fmt.Println(err)
	// Output:
	// iomeeting: invalid parameter: site must start with https://, since http sends passwords in clear; WithInsecureHTTP allows it
	// <nil>
}

// A configuration file spells the password's key wrongly. Printed, the password
// looks as usual, so ask.
func ExampleHost_Validate() {
	host := iomeeting.Host{Email: "dave@example.com"}
	fmt.Println(host)
	fmt.Println(host.Validate())
	// Output:
	// {dave@example.com REDACTED}
	// iomeeting: invalid parameter: hostPassword is empty
}

func ExampleScheduleOptions_Validate() {
	opts := iomeeting.ScheduleOptions{EndURL: "partner.example/meeting-ended"}
	fmt.Println(opts.Validate())
	// Output:
	// iomeeting: invalid parameter: meetingEndUrl is not an absolute http or https URL
}
