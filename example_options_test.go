package iomeeting_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// carol is the server's account in the examples of this file. pkgsite can only run
// examples whose file declares everything they use.
var carol = iomeeting.Host{Email: "carol@example.com", Password: iomeeting.NewSecret("purple monkey")}

func ExampleWithTimeout() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()
	service.FailNext(iomeetingtest.Delay(time.Hour))

	client, err := iomeeting.NewClient(service.URL,
		iomeeting.WithTimeout(10*time.Millisecond), // 5*time.Second, say, if a visitor waits for the page
		iomeeting.WithRetries(0),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Query(context.Background(), carol)
	fmt.Println("timeout:", errors.Is(err, context.DeadlineExceeded))
	// Output:
	// timeout: true
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
	// 0 iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable
	// 1 <nil>
}

func ExampleWithLogger() {
	service := iomeetingtest.NewServer(carol)
	defer service.Close()

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug, // by default, it would show only failed calls
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" { // these change from run to run
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
	// level=DEBUG msg="iomeeting call" op=query attempt=1 status=200 retry=false
	// level=WARN msg="iomeeting call" op=query attempt=1 status=502 retry=false error="iomeeting: query: bad response: the response has HTTP status 502 Bad Gateway"
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

// On a private network, a service may have no https.
func ExampleWithInsecureHTTP() {
	_, err := iomeeting.NewClient("http://10.0.0.7:8080")
	fmt.Println(err)
	_, err = iomeeting.NewClient("http://10.0.0.7:8080", iomeeting.WithInsecureHTTP())
	fmt.Println(err)
	// Output:
	// iomeeting: invalid parameter: site must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it
	// <nil>
}

// The configuration file has a misspelled key. The host prints as usual, so only
// Validate tells that its password is empty.
func ExampleHost_Validate() {
	var host iomeeting.Host
	if err := json.Unmarshal([]byte(`{"email": "dave@example.com", "pasword": "correct horse"}`), &host); err != nil {
		log.Fatal(err)
	}
	fmt.Println(host)
	fmt.Println(host.Validate())
	// Output:
	// {dave@example.com REDACTED}
	// iomeeting: invalid parameter: hostPassword is empty
}

func ExampleHost_json() {
	const config = `[
		{"email": "carol@example.com", "password": "purple monkey"},
		{"email": "dave@example.com", "password": "correct horse"}
	]`
	var hosts []iomeeting.Host
	if err := json.Unmarshal([]byte(config), &hosts); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hosts)
	fmt.Println(hosts[0] == carol)
	// Output:
	// [{carol@example.com REDACTED} {dave@example.com REDACTED}]
	// true
}

func ExampleHost_yaml() {
	const config = `
- email: carol@example.com
  password: purple monkey
- email: dave@example.com
  password: 000123 # stays a string
`
	var hosts []iomeeting.Host
	if err := yaml.Unmarshal([]byte(config), &hosts); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hosts)
	fmt.Println(hosts[0] == carol, hosts[1].Password.Reveal())
	// Output:
	// [{carol@example.com REDACTED} {dave@example.com REDACTED}]
	// true 000123
}

// A meeting password that you keep in a database is encrypted there: Reveal the
// Secret to encrypt it, and make a new one from the decrypted password.
func ExampleNewSecret_database() {
	key := make([]byte, 32) // in a real server, 32 random bytes that are not in the database
	block, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		log.Fatal(err)
	}

	password := iomeeting.NewSecret("tea, please")
	column := aead.Seal(nil, nil, []byte(password.Reveal()), nil)
	// db.ExecContext(ctx, "UPDATE meetings SET password = ? WHERE id = ?", column, id)

	// db.QueryRowContext(ctx, "SELECT password FROM meetings WHERE id = ?", id).Scan(&column)
	decrypted, err := aead.Open(nil, nil, column, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(iomeeting.NewSecret(string(decrypted)) == password)
	// Output:
	// true
}

func ExampleScheduleOptions_Validate() {
	opts := iomeeting.ScheduleOptions{EndURL: "partner.example/meeting-ended"}
	fmt.Println(opts.Validate())
	// Output:
	// iomeeting: invalid parameter: meetingEndUrl is not an absolute http or https URL
}
