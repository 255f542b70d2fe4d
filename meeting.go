package iomeeting

import (
	"cmp"
	"context"
	"net/url"
	"unicode"
	"unicode/utf8"
)

// Host is a host account of the service. Spec: sections 1, 3, 5 and 6,
// parameters hostEmail, and hostPass or hostPassword.
type Host struct {
	// Email is the account's e-mail address.
	Email string
	// Password is the account's password.
	Password Secret
}

// Validate checks that the service can be asked about the host account. It sends
// nothing. If Email or Password is empty, or holds a control character or invalid
// UTF-8, Validate returns a [*ParameterError] for hostEmail or hostPassword. A
// program can call it when it starts: a misspelled key in a configuration file
// leaves the password empty, and an empty Secret prints like any other.
//
// Spec: sections 5 and 6, parameters hostEmail and hostPassword.
func (h Host) Validate() error {
	return cmp.Or(
		required("hostEmail", h.Email),
		required("hostPassword", h.Password.Reveal()),
	)
}

// StartOptions are the optional parameters of [Client.Start]. An empty one is
// not sent. Spec: section 1, parameters meetingPass, observerPass and title.
type StartOptions struct {
	// MeetingPassword is what participants must give to join.
	MeetingPassword Secret
	// ObserverPassword is what observers must give to join.
	ObserverPassword Secret
	// Title is the meeting's title, any valid UTF-8.
	Title string
}

// JoinOptions are the optional parameters of [Client.Join] and
// [Client.JoinByID]. An empty one is not sent. Spec: sections 2 and 4,
// parameters meetingPass, observerPass and userName.
type JoinOptions struct {
	// MeetingPassword is the password of the meeting. The service takes the
	// observers' one here as well.
	MeetingPassword Secret
	// ObserverPassword is the password for observers, in place of
	// MeetingPassword. To set both is an error.
	ObserverPassword Secret
	// UserName is the participant's full name, any valid UTF-8.
	UserName string
}

// ScheduleOptions are the optional parameters of [Client.Schedule]. An empty one
// is sent as an empty one. Spec: section 6, parameters meetingPassword,
// meetingEndUrl and operatorId.
type ScheduleOptions struct {
	// MeetingPassword is what participants must give to join.
	MeetingPassword Secret
	// EndURL is an absolute http or https URL to which the service POSTs when
	// the meeting ends, with one parameter, operatorId. The service must reach
	// it, without a redirect. Anyone who knows the URL can do the same.
	EndURL string
	// OperatorID is the value of operatorId, which the service hands back as
	// it got it; it does not say which meeting has ended. [EndSigner.Sign]
	// makes one that cannot be forged.
	OperatorID string
}

// Validate checks that the options can be sent. It sends nothing. If one of them
// cannot be used, Validate returns a [*ParameterError] for meetingPassword,
// meetingEndUrl or operatorId, as [Client.Schedule] does.
//
// Spec: section 6, parameters meetingPassword, meetingEndUrl and operatorId.
func (o ScheduleOptions) Validate() error {
	return cmp.Or(
		plain("meetingPassword", o.MeetingPassword.Reveal()),
		plain("meetingEndUrl", o.EndURL),
		checkEndURL(o.EndURL),
		plain("operatorId", o.OperatorID),
	)
}

type startParams struct {
	HostEmail    string `url:"hostEmail"`
	HostPass     Secret `url:"hostPass"`
	MeetingPass  Secret `url:"meetingPass,omitempty"`
	ObserverPass Secret `url:"observerPass,omitempty"`
	Title        string `url:"title,omitempty"`
}

// Start returns the link by which the host starts a new meeting: snm.do.
// Nothing is sent.
//
// The error is a [*ParameterError] for hostEmail, hostPass, meetingPass,
// observerPass or title: for an empty e-mail address or host password, for a
// control character in any of them but the title, and for invalid UTF-8.
//
// Spec: section 1, Start New Meeting by Host Account.
func (c *Client) Start(host Host, opts *StartOptions) (Link, error) {
	o := orZero(opts)
	title, err := formText("title", o.Title)
	if err := cmp.Or(
		required("hostEmail", host.Email),
		required("hostPass", host.Password.Reveal()),
		plain("meetingPass", o.MeetingPassword.Reveal()),
		plain("observerPass", o.ObserverPassword.Reveal()),
		err,
	); err != nil {
		return Link{}, err
	}
	return c.link("/snm.do", startParams{host.Email, host.Password, o.MeetingPassword, o.ObserverPassword, title})
}

type startByIDParams struct {
	MeetingID string `url:"meetingID"`
	HostPass  Secret `url:"hostPass"`
}

// StartByID returns the link by which the host starts a meeting that was
// scheduled before: ssm.do. Nothing is sent.
//
// The error is a [*ParameterError] for meetingID or hostPass, where one is
// empty or holds a control character or invalid UTF-8.
//
// Spec: section 3, Start Meeting by Meeting ID.
func (c *Client) StartByID(meetingID string, hostPassword Secret) (Link, error) {
	if err := cmp.Or(
		required("meetingID", meetingID),
		required("hostPass", hostPassword.Reveal()),
	); err != nil {
		return Link{}, err
	}
	return c.link("/ssm.do", startByIDParams{meetingID, hostPassword})
}

// joinParams names the meeting by one of its first two fields.
type joinParams struct {
	HostEmail    string `url:"hostEmail,omitempty"`
	MeetingID    string `url:"meetingID,omitempty"`
	MeetingPass  Secret `url:"meetingPass,omitempty"`
	ObserverPass Secret `url:"observerPass,omitempty"`
	UserName     string `url:"userName,omitempty"`
}

// Join returns the link by which a participant or an observer joins the meeting
// that the host is in: jm.do. Nothing is sent.
//
// The error is a [*ParameterError] for hostEmail, meetingPass, observerPass or
// userName: for an empty e-mail address, for a control character in any of them
// but the name, for invalid UTF-8, and, as observerPass, for both passwords at
// once.
//
// Spec: section 2, Join Meeting by Host Account. Its table lacks observerPass,
// which its examples have.
func (c *Client) Join(hostEmail string, opts *JoinOptions) (Link, error) {
	if err := required("hostEmail", hostEmail); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{HostEmail: hostEmail}, opts)
}

// JoinByID returns the link by which a participant or an observer joins the
// meeting of that ID, once it is in progress: jm.do. Nothing is sent.
//
// The error is a [*ParameterError] for meetingID, and otherwise as that of
// [Client.Join].
//
// Spec: section 4, Join Meeting by Meeting ID. Some of its examples write
// username; its table has userName, which is sent.
func (c *Client) JoinByID(meetingID string, opts *JoinOptions) (Link, error) {
	if err := required("meetingID", meetingID); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{MeetingID: meetingID}, opts)
}

// join completes params, which name the meeting, to a link.
func (c *Client) join(params joinParams, opts *JoinOptions) (Link, error) {
	o := orZero(opts)
	userName, err := formText("userName", o.UserName)
	if err := cmp.Or(
		plain("meetingPass", o.MeetingPassword.Reveal()),
		plain("observerPass", o.ObserverPassword.Reveal()),
		err,
	); err != nil {
		return Link{}, err
	}
	if !o.MeetingPassword.IsZero() && !o.ObserverPassword.IsZero() {
		return Link{}, &ParameterError{"observerPass", "cannot be sent beside meetingPass"}
	}
	params.MeetingPass, params.ObserverPass, params.UserName = o.MeetingPassword, o.ObserverPassword, userName
	return c.link("/jm.do", params)
}

// Query asks whether the host is in a meeting, and in which: POST
// meetingControl/query. A meeting that is scheduled and has not started does not
// count. Query changes nothing, and is tried again as [WithRetries] says. It
// ends with ctx, and after 30 seconds unless [WithTimeout] says otherwise.
//
// The error is one of these:
//   - a [*StatusError]: [ErrHostNotFound] or [ErrWrongPassword];
//   - a [*ParameterError] for hostEmail or hostPassword, where one is empty or
//     holds a control character or invalid UTF-8; nothing was sent;
//   - a [*ResponseError], where something answered but not as the spec has it;
//   - a failure of the network, or the end of ctx or of the time-out, with its
//     cause in the chain, such as [context.DeadlineExceeded] or [*net.OpError].
//
// Spec: section 5, Query Meeting by Host Account.
func (c *Client) Query(ctx context.Context, host Host) (QueryResult, error) {
	none := QueryResult{Status: statusNone}
	if err := host.Validate(); err != nil {
		return none, err
	}
	a, err := c.call(ctx, queryOp, url.Values{
		"hostEmail":    {host.Email},
		"hostPassword": {host.Password.Reveal()},
	})
	if err != nil {
		return none, err
	}
	if a.status != StatusOK && a.status != StatusInMeeting {
		return QueryResult{Status: a.status}, &StatusError{queryOp.name, a.status}
	}
	return QueryResult{a.status, a.id, NewSecret(a.password)}, nil
}

// Schedule makes a meeting that the host may start by [Client.StartByID]: POST
// meetingControl/schedule. If the host is in a meeting, the service ends that
// first; [Client.ScheduleIfAvailable] leaves it alone.
//
// The request arrives at most once. It is retried only if nothing was sent. The
// call ends with ctx, and after 30 seconds unless [WithTimeout] says otherwise.
// If you pass the context of an HTTP request, the call is abandoned when that
// visitor goes away, perhaps with an unknown outcome; [context.WithoutCancel]
// prevents that.
//
// A response over HTTP/1.0, or without Content-Length and chunks, has no end that
// could be checked: if its connection breaks, a meeting ID may arrive cut short.
//
// The error is one of these:
//   - a [*StatusError]: [ErrHostNotFound] or [ErrWrongPassword];
//   - a [*ParameterError] for hostEmail, hostPassword, meetingPassword,
//     meetingEndUrl or operatorId; nothing was sent;
//   - [ErrOutcomeUnknown], where the request may have been carried out, beside
//     its cause, one of the following two. A [*ResponseError] is so with a 2xx
//     that cannot be read, with 408 and with 5xx other than 501;
//   - a [*ResponseError], where something answered but not as the spec has it;
//   - a failure of the network, or the end of ctx or of the time-out, with its
//     cause in the chain, such as [context.DeadlineExceeded] or [*net.OpError].
//
// Spec: section 6, Schedule Meeting by Host Account.
func (c *Client) Schedule(ctx context.Context, host Host, opts *ScheduleOptions) (ScheduleResult, error) {
	o := orZero(opts)
	if err := checkSchedule(host, o); err != nil {
		return ScheduleResult{}, err
	}
	a, err := c.call(ctx, scheduleOp, url.Values{ // the spec lists all of them as sent
		"hostEmail":       {host.Email},
		"hostPassword":    {host.Password.Reveal()},
		"meetingPassword": {o.MeetingPassword.Reveal()},
		"meetingEndUrl":   {o.EndURL},
		"operatorId":      {o.OperatorID},
	})
	if err == nil && a.status != StatusOK {
		err = &StatusError{scheduleOp.name, a.status}
	}
	return ScheduleResult{a.id}, err
}

// ScheduleIfAvailable asks by [Client.Query] whether the host is available, and
// if so does what [Client.Schedule] does, both within one time-out. A meeting
// that the host starts between the two is ended. A meeting that is scheduled
// and has not started is no obstacle: who must not schedule twice for a host
// has to see to that.
//
// The error is a [*StatusError] that is [ErrInMeeting] where the host is in a
// meeting, which goes on; otherwise it is one that Query or Schedule returns.
//
// Spec: sections 5 and 6.
func (c *Client) ScheduleIfAvailable(ctx context.Context, host Host, opts *ScheduleOptions) (ScheduleResult, error) {
	if err := cmp.Or(checkContext(ctx), checkSchedule(host, orZero(opts))); err != nil {
		return ScheduleResult{}, err
	}
	ctx, cancel := withEnd(ctx, c.endOfCall(ctx))
	defer cancel()
	state, err := c.Query(ctx, host)
	if err != nil {
		return ScheduleResult{}, err
	}
	if state.InMeeting() {
		return ScheduleResult{}, &StatusError{scheduleOp.name, StatusInMeeting}
	}
	return c.Schedule(ctx, host, opts)
}

var (
	queryOp = operation{
		name:  "query",
		path:  "/meetingControl/query",
		parse: parseQuery,
	}
	scheduleOp = operation{
		name:       "schedule",
		path:       "/meetingControl/schedule",
		atMostOnce: true,
		parse:      parseSchedule,
	}
)

func checkContext(ctx context.Context) error {
	if ctx == nil {
		return &ParameterError{"ctx", "is nil"}
	}
	return nil
}

func checkSchedule(host Host, o ScheduleOptions) error {
	return cmp.Or(host.Validate(), o.Validate())
}

// required checks a parameter that must not be empty.
func required(param, value string) error {
	if value == "" {
		return &ParameterError{param, "is empty"}
	}
	return plain(param, value)
}

// plain checks a parameter that is sent as it is. A browser's form would change
// control characters.
func plain(param, value string) error {
	if !utf8.ValidString(value) {
		return &ParameterError{param, "is not valid UTF-8"}
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			return &ParameterError{param, "holds a control character"}
		}
	}
	return nil
}

func orZero[T any](p *T) T {
	if p == nil {
		p = new(T)
	}
	return *p
}
