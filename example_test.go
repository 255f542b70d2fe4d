package iomeeting_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarcoal/httpmock"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// alice is the account of the examples. Most of them run against an in-process
// IOMeeting server.
var alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}

// A link starts a meeting in the host's browser. Making it sends nothing.
func Example() {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	link, err := client.Start(alice, &iomeeting.StartOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
		Title:           "Q3_Review 会议",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link) // link.URL() has the passwords
	// Output:
	// https://abc.iomeeting.cn/snm.do?hostEmail=alice%40example.com&hostPass=REDACTED&meetingPass=REDACTED&title=Q3_5FReview+_E4_BC_9A_E8_AE_AE
}

func ExampleClient_Query() {
	service := iomeetingtest.NewServer(alice) // stands in for the IOMeeting service
	defer service.Close()
	client := service.Client()
	link, err := client.Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(link); err != nil { // as the host's browser does
		log.Fatal(err)
	}

	state, err := client.Query(context.Background(), alice)
	if err != nil {
		log.Fatal(err)
	}
	if state.InMeeting {
		fmt.Println("in meeting", state.MeetingID)
	}
	// Output:
	// in meeting 000001
}

// Schedule ends the meeting that the host is in. Where that must not happen, call
// ScheduleIfAvailable.
func ExampleClient_Schedule() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	meeting, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
	})
	switch {
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		log.Fatal("The meeting may exist. ScheduleIfAvailable is safe now: ", err)
	case err != nil:
		log.Fatal("Nothing was scheduled: ", err)
	}
	link, err := client.StartByID(meeting.MeetingID, alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(meeting.MeetingID, service.Open(link))
	// Output:
	// 000001 <nil>
}

// If the host is in a meeting already, join that one.
func ExampleClient_ScheduleIfAvailable() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(alice, &iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret("tea, please")})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Open(link); err != nil {
		log.Fatal(err)
	}

	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/meetings", nil)
	_, err = client.ScheduleIfAvailable(context.Background(), alice, nil)
	var refused *iomeeting.StatusError
	if errors.Is(err, iomeeting.ErrInMeeting) && errors.As(err, &refused) {
		link, err := client.JoinByID(refused.MeetingID, &iomeeting.JoinOptions{
			MeetingPassword: refused.MeetingPassword,
			UserName:        "Joe Smith",
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		link.ServePage(w, r, "Join the meeting")
	}
	fmt.Println(refused.MeetingID, service.Submit(w.Body))
	// Output:
	// 000001 <nil>
}

// advice says what to do about the error of a call.
func advice(err error) string {
	switch {
	case err == nil:
		return "nothing"
	case errors.Is(err, iomeeting.ErrOutcomeUnknown): // first: its cause may match another case
		return "call ScheduleIfAvailable"
	case errors.Is(err, iomeeting.ErrInMeeting):
		return "join that meeting, or wait until it ends"
	case errors.Is(err, iomeeting.ErrHostNotFound), errors.Is(err, iomeeting.ErrWrongPassword):
		return "correct the account"
	case errors.Is(err, iomeeting.ErrInvalidParameter):
		return "correct the parameter that it names"
	case iomeeting.Retryable(err):
		return "try again later"
	default:
		return "read it: " + err.Error()
	}
}

func Example_errors() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(iomeeting.WithRetries(0)), context.Background()

	service.FailNext(iomeetingtest.Drop())
	_, err := client.Schedule(ctx, alice, nil)
	fmt.Println(advice(err))

	service.FailNext(iomeetingtest.HTTPStatus(http.StatusServiceUnavailable))
	_, err = client.Query(ctx, alice)
	fmt.Println(advice(err))

	_, err = client.Query(ctx, iomeeting.Host{Email: "bob@example.com", Password: alice.Password})
	fmt.Println(advice(err))

	_, err = client.Schedule(ctx, alice, &iomeeting.ScheduleOptions{EndURL: "partner.example/ended"})
	fmt.Println(advice(err))
	// Output:
	// call ScheduleIfAvailable
	// try again later
	// correct the account
	// correct the parameter that it names
}

// newWebsite returns the two handlers of a website that deal with meetings: one books
// a meeting, one opens it. Both take a POST, and CrossOriginProtection refuses those of
// other sites.
func newWebsite(client *iomeeting.Client, host iomeeting.Host) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /meetings", func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithoutCancel(r.Context()) // a visitor who leaves does not cancel the call
		meeting, err := client.ScheduleIfAvailable(ctx, host, nil)
		switch {
		case errors.Is(err, iomeeting.ErrInMeeting):
			http.Error(w, "A meeting is in progress.", http.StatusConflict)
		case err != nil:
			http.Error(w, "The meeting could not be booked.", http.StatusServiceUnavailable)
		default:
			fmt.Println("booked", meeting.MeetingID) // store it, for the visitor who has signed in
			http.Redirect(w, r, "/meetings", http.StatusSeeOther)
		}
	})
	mux.HandleFunc("POST /meetings/{id}/open", func(w http.ResponseWriter, r *http.Request) {
		// First check that the visitor has booked this meeting.
		link, err := client.StartByID(r.PathValue("id"), host.Password)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		link.ServePage(w, r, "Start the meeting")
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

func ExampleLink_ServePage() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	website := newWebsite(service.Client(), alice)
	post := func(path, site string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		website.ServeHTTP(w, r)
		return w
	}

	list := post("/meetings", "same-origin")
	fmt.Println(list.Code, list.Header().Get("Location"))
	page := post("/meetings/000001/open", "same-origin")
	fmt.Println(page.Code, strings.Contains(page.Body.String(), `<input type="hidden" name="meetingID" value="000001">`))
	fmt.Println(post("/meetings/000001/open", "cross-site").Code)
	fmt.Println(service.Submit(page.Body)) // the meeting starts
	fmt.Println(post("/meetings", "same-origin").Code)
	// Output:
	// booked 000001
	// 303 /meetings
	// 200 true
	// 403
	// <nil>
	// 409
}

// A front end on another origin opens a link by a form POST to the API. The browser says
// Sec-Fetch-Site: same-site or cross-site, so the API names the front end's origin.
func ExampleLink_ServePage_frontEnd() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /meetings/{key}/open", func(w http.ResponseWriter, r *http.Request) {
		joinLink().ServePage(w, r, "Join the meeting")
	})
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin("https://www.example.com"); err != nil {
		log.Fatal(err)
	}
	api := protection.Handler(mux)

	for _, origin := range []string{"https://www.example.com", "https://evil.example.com", "null"} {
		r := httptest.NewRequest(http.MethodPost, "/meetings/4PDXN2K7QZ/open", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "same-site")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(origin, w.Code)
	}
	// Output:
	// https://www.example.com 200
	// https://evil.example.com 403
	// null 403
}

// joinLink returns the link of the other examples.
func joinLink() iomeeting.Link {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	link, err := client.Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	return link
}

func ExampleLink_Form() {
	page := template.Must(template.New("page").Parse(`<h1>{{.Title}}</h1>
{{.Link.Form "Join the meeting"}}
`))
	w := httptest.NewRecorder()       // the http.ResponseWriter of a handler
	iomeeting.ProtectPage(w.Header()) // a form contains passwords
	if err := page.Execute(w, map[string]any{"Title": "Tea at four", "Link": joinLink()}); err != nil {
		log.Fatal(err)
	}
	fmt.Print(w.Body)
	// Output:
	// <h1>Tea at four</h1>
	// <form method="post" action="https://abc.iomeeting.cn/jm.do" accept-charset="utf-8" autocomplete="off">
	// <input type="hidden" name="hostEmail" value="alice@example.com">
	// <input type="hidden" name="userName" value="Joe Smith">
	// <button type="submit">Join the meeting</button>
	// </form>
}

// writeShortcut writes a shortcut into dir, and returns the name of the file. Only its
// owner can read it.
func writeShortcut(dir string, link iomeeting.Link, name string) (string, error) {
	path := filepath.Join(dir, iomeeting.HTMLShortcut.FileName(name))
	// O_EXCL, because others may be able to read an existing file.
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	return path, errors.Join(link.WriteShortcut(file, iomeeting.HTMLShortcut, name), file.Close())
}

func ExampleLink_WriteShortcut() {
	dir, err := os.MkdirTemp("", "shortcuts")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, err := writeShortcut(dir, joinLink(), "Tea: at 4/5")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path))
	// Output:
	// Tea_ at 4_5.html
}

func ExampleEndSigner_Handler() {
	// The key is at least 32 random bytes, such as os.Getenv("END_KEY").
	signer, err := iomeeting.NewEndSigner(iomeeting.NewSecret("32 bytes, used for nothing else."))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/meeting-ended", signer.Handler(func(_ context.Context, operatorID string) error {
		fmt.Println("ended:", operatorID) // may be called twice for one meeting
		return nil
	}))
	website := httptest.NewServer(mux)
	defer website.Close()
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	meeting, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     website.URL + "/meeting-ended",
		OperatorID: signer.Sign("booking-7"),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ended: booking-7
}

// Configuration libraries read a Secret like a string, but it prints as REDACTED, even
// if it is empty. So only Validate notices a misspelled key.
func ExampleSecret() {
	const config = `[
		{"email": "alice@example.com", "password": "correct horse"},
		{"email": "bob@example.com", "pasword": "battery staple"}
	]`
	var hosts []iomeeting.Host
	if err := json.Unmarshal([]byte(config), &hosts); err != nil {
		log.Fatal(err)
	}
	for _, host := range hosts {
		fmt.Println(host, host.Validate())
	}
	// Output:
	// {alice@example.com REDACTED} <nil>
	// {bob@example.com REDACTED} iomeeting: invalid parameter: hostPassword is empty
}

// tracing adds a trace to each request, as OpenTelemetry's otelhttp.Transport does.
type tracing struct{ next http.RoundTripper }

func (t tracing) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context()) // a RoundTripper must not modify the request
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	return t.next.RoundTrip(req)
}

func ExampleWithTransportWrapper() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, err := iomeeting.NewClient(service.URL,
		iomeeting.WithTransportWrapper(func(next http.RoundTripper) http.RoundTripper {
			return tracing{next} // or otelhttp.NewTransport(next)
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.ScheduleIfAvailable(context.Background(), alice, nil); err != nil {
		log.Fatal(err)
	}
	for _, request := range service.Requests() {
		fmt.Println(request.Path, request.Header.Get("Traceparent"))
	}
	// Output:
	// /meetingControl/query 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
	// /meetingControl/schedule 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
}

// A site whose certificate is from your own certificate authority needs a transport
// that trusts it.
func ExampleWithHTTPClient() {
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "0,,")
	}))
	defer service.Close()
	site := service.URL
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw}) // or os.ReadFile

	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		log.Fatal("no certificate was found")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	transport.MaxIdleConnsPerHost = 64 // concurrent queries; by default 2
	client, err := iomeeting.NewClient(site, iomeeting.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
	state, err := client.Query(context.Background(), alice)
	fmt.Println(state.InMeeting, err)
	// Output:
	// false <nil>
}

// A unit test can mock the service with httpmock.
func ExampleWithHTTPClient_httpmock() {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "https://abc.iomeeting.cn/meetingControl/query",
		httpmock.NewStringResponder(http.StatusOK, "3,000042,tea"))
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn",
		iomeeting.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		log.Fatal(err)
	}
	state, err := client.Query(context.Background(), alice)
	fmt.Println(state.MeetingID, err)
	// Output:
	// 000042 <nil>
}
