package iomeeting

import (
	"cmp"
	"context"
	"net/url"
)

// Host is a host account of the service. Spec: sections 1, 3, 5 and 6,
// parameters hostEmail, and hostPass or hostPassword.
type Host struct {
	// Email is the account's email address.
	Email string
	// Password is the account's password.
	Password Secret
}

// Validate checks that Email and Password can be sent. It sends nothing. Call it
// when your program starts: a misspelled key in a configuration file leaves the
// password empty, and an empty Secret prints like any other.
//
// If Email or Password is empty, or contains a control character or invalid UTF-8,
// Validate returns a [*ParameterError] for hostEmail or hostPassword.
//
// Spec: sections 5 and 6, parameters hostEmail and hostPassword.
func (h Host) Validate() error {
	return cmp.Or(
		required("hostEmail", h.Email),
		required("hostPassword", h.Password.Reveal()),
	)
}

// StartOptions are the optional parameters of [Client.Start]. Empty fields are not
// sent. Spec: section 1, parameters meetingPass, observerPass and title.
type StartOptions struct {
	// MeetingPassword is the password that participants need to join.
	MeetingPassword Secret
	// ObserverPassword is the password that observers need to join.
	ObserverPassword Secret
	// Title is the meeting's title, any valid UTF-8.
	Title string
}

// JoinOptions are the optional parameters of [Client.Join] and
// [Client.JoinByID]. Empty fields are not sent. Spec: sections 2 and 4,
// parameters meetingPass, observerPass and userName.
type JoinOptions struct {
	// MeetingPassword is the meeting's password for participants. The service
	// accepts the password for observers here too.
	MeetingPassword Secret
	// ObserverPassword is the meeting's password for observers, to be used instead
	// of MeetingPassword. Setting both is an error.
	ObserverPassword Secret
	// UserName is the participant's full name, any valid UTF-8.
	UserName string
}

// ScheduleOptions are the optional parameters of [Client.Schedule]. Empty fields
// are sent with an empty value. Spec: section 6, parameters meetingPassword,
// meetingEndUrl and operatorId.
type ScheduleOptions struct {
	// MeetingPassword is the password that participants need to join.
	MeetingPassword Secret
	// EndURL is an absolute http or https URL. When the meeting ends, the service
	// POSTs one parameter to it, operatorId. The service must be able to reach it
	// without a redirect. Anyone who knows the URL can POST to it too.
	EndURL string
	// OperatorID is the value of operatorId that the service POSTs to EndURL,
	// unchanged. It is all that you get, so use a different one for each call. If
	// it is empty, you learn that some meeting ended, but not which one. Setting
	// it without EndURL is an error. [EndSigner.Sign] makes one that cannot be
	// forged.
	OperatorID string
}

// Validate checks that the options can be sent. It sends nothing. If they cannot,
// Validate returns a [*ParameterError] for meetingPassword, meetingEndUrl or
// operatorId, as [Client.Schedule] does.
//
// Spec: section 6, parameters meetingPassword, meetingEndUrl and operatorId.
func (o ScheduleOptions) Validate() error {
	return cmp.Or(
		plain("meetingPassword", o.MeetingPassword.Reveal()),
		plain("meetingEndUrl", o.EndURL),
		checkEndURL(o.EndURL),
		plain("operatorId", o.OperatorID),
		checkOperatorID(o),
	)
}

// checkOperatorID refuses an operator ID that the service would send to nobody.
func checkOperatorID(o ScheduleOptions) error {
	if o.OperatorID != "" && o.EndURL == "" {
		return &ParameterError{"operatorId", "has no effect without meetingEndUrl"}
	}
	return nil
}

type startParams struct {
	HostEmail    string `url:"hostEmail"`
	HostPass     Secret `url:"hostPass"`
	MeetingPass  Secret `url:"meetingPass,omitempty"`
	ObserverPass Secret `url:"observerPass,omitempty"`
	Title        string `url:"title,omitempty"`
}

// Start returns the link with which the host starts a new meeting (snm.do). It
// sends nothing.
//
// If the email address or the host's password is empty, if a parameter other than
// the title contains a control character, or if any is not valid UTF-8, Start
// returns a [*ParameterError] for hostEmail, hostPass, meetingPass, observerPass or
// title.
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

// StartByID returns the link with which the host starts a scheduled meeting
// (ssm.do). It sends nothing.
//
// If meetingID or hostPassword is empty, or contains a control character or
// invalid UTF-8, StartByID returns a [*ParameterError] for meetingID or hostPass.
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

// joinParams identify the meeting by one of their first two fields.
type joinParams struct {
	HostEmail    string `url:"hostEmail,omitempty"`
	MeetingID    string `url:"meetingID,omitempty"`
	MeetingPass  Secret `url:"meetingPass,omitempty"`
	ObserverPass Secret `url:"observerPass,omitempty"`
	UserName     string `url:"userName,omitempty"`
}

// Join returns the link with which a participant or an observer joins the meeting
// that the host is in (jm.do). It sends nothing.
//
// If the email address is empty, if a parameter other than the user name contains a
// control character, if any is not valid UTF-8, or if both passwords are set, Join
// returns a [*ParameterError] for hostEmail, meetingPass, observerPass or userName.
//
// Spec: section 2, Join Meeting by Host Account. The parameter observerPass is in
// its examples, but not in its table.
func (c *Client) Join(hostEmail string, opts *JoinOptions) (Link, error) {
	if err := required("hostEmail", hostEmail); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{HostEmail: hostEmail}, opts)
}

// JoinByID returns the link with which a participant or an observer joins the
// meeting with that ID, once it is in progress (jm.do). It sends nothing.
//
// If meetingID is empty, or contains a control character or invalid UTF-8,
// JoinByID returns a [*ParameterError] for meetingID; otherwise its errors are
// those of [Client.Join].
//
// Spec: section 4, Join Meeting by Meeting ID. The parameter is userName, as in that
// section's table; some of its examples spell it username.
func (c *Client) JoinByID(meetingID string, opts *JoinOptions) (Link, error) {
	if err := required("meetingID", meetingID); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{MeetingID: meetingID}, opts)
}

// join adds the options to params, which identify the meeting.
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
		return Link{}, &ParameterError{"observerPass", "cannot be sent together with meetingPass"}
	}
	params.MeetingPass, params.ObserverPass, params.UserName = o.MeetingPassword, o.ObserverPassword, userName
	return c.link("/jm.do", params)
}

// Query reports whether the host is in a meeting, and in which one (POST
// meetingControl/query). A meeting that is scheduled but has not started does not
// count. Query does not change anything, and is retried as [WithRetries] says. It
// stops when ctx is done, and takes at most 30 seconds by default; see
// [WithTimeout].
//
// Query returns one of these errors:
//   - a [*StatusError]: [ErrHostNotFound] or [ErrWrongPassword];
//   - a [*ParameterError] for hostEmail or hostPassword, if one is empty or
//     contains a control character or invalid UTF-8; nothing was sent;
//   - a [*ResponseError], if the response is not what the spec describes;
//   - otherwise a network failure, a timeout or a canceled context, with its
//     cause in the chain, such as [context.DeadlineExceeded] or [*net.OpError].
//
// Spec: section 5, Query Meeting by Host Account.
func (c *Client) Query(ctx context.Context, host Host) (QueryResult, error) {
	if err := host.Validate(); err != nil {
		return QueryResult{}, err
	}
	a, err := c.call(ctx, queryOp, url.Values{
		"hostEmail":    {host.Email},
		"hostPassword": {host.Password.Reveal()},
	})
	if err != nil {
		return QueryResult{}, err
	}
	if a.status != statusOK && a.status != StatusInMeeting {
		return QueryResult{}, &StatusError{Op: queryOp.name, Status: a.status}
	}
	return QueryResult{a.status == StatusInMeeting, a.id, NewSecret(a.password)}, nil
}

// Schedule schedules a meeting, which the host starts with [Client.StartByID]
// (POST meetingControl/schedule). If the host is in a meeting, the service ends
// that meeting first; [Client.ScheduleIfAvailable] leaves it alone. The spec does
// not say what happens to a meeting that nobody starts.
//
// The request arrives at most once: it is retried only if nothing was sent. The call
// stops when ctx is done, and takes at most 30 seconds by default; see
// [WithTimeout]. If you pass the context of an HTTP request, the call is abandoned
// when the client of that request disconnects, perhaps with an unknown outcome; use
// [context.WithoutCancel] to prevent that.
//
// A response with neither Content-Length nor chunks ends when its connection does.
// If the connection breaks, nothing shows that the response is incomplete, and the
// meeting ID may be cut short.
//
// Schedule returns one of these errors:
//   - a [*StatusError]: [ErrHostNotFound] or [ErrWrongPassword];
//   - a [*ParameterError] for hostEmail, hostPassword, meetingPassword,
//     meetingEndUrl or operatorId; nothing was sent;
//   - [ErrOutcomeUnknown], if the request may have been carried out. The chain
//     also contains its cause: a network failure, a timeout, a canceled context,
//     or a [*ResponseError] with HTTP status 1xx, 2xx, 408, or 5xx except 501;
//   - a [*ResponseError], if the response is not what the spec describes, and
//     shows that nothing was scheduled;
//   - otherwise a network failure, a timeout or a canceled context before anything
//     was sent, with its cause in the chain, such as [context.DeadlineExceeded] or
//     [*net.OpError].
//
// Spec: section 6, Schedule Meeting by Host Account.
func (c *Client) Schedule(ctx context.Context, host Host, opts *ScheduleOptions) (ScheduleResult, error) {
	o := orZero(opts)
	if err := checkSchedule(host, o); err != nil {
		return ScheduleResult{}, err
	}
	a, err := c.call(ctx, scheduleOp, url.Values{ // all are sent, even if empty, as in the spec
		"hostEmail":       {host.Email},
		"hostPassword":    {host.Password.Reveal()},
		"meetingPassword": {o.MeetingPassword.Reveal()},
		"meetingEndUrl":   {o.EndURL},
		"operatorId":      {o.OperatorID},
	})
	if err == nil && a.status != statusOK {
		err = &StatusError{Op: scheduleOp.name, Status: a.status}
	}
	return ScheduleResult{a.id}, err
}

// ScheduleIfAvailable calls [Client.Query] and, if the host is available,
// [Client.Schedule], both within one timeout. If the host starts a meeting between
// the two calls, that meeting is ended. A meeting that is scheduled but has not
// started does not count: if a host must not have two scheduled meetings, make sure
// of that yourself, or use package hostpool.
//
// If the host is in a meeting, that meeting goes on, and ScheduleIfAvailable
// returns a [*StatusError] that matches [ErrInMeeting] and has the ID of the
// meeting. Otherwise its errors are those of Query and Schedule.
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
	if state.InMeeting {
		return ScheduleResult{}, &StatusError{scheduleOp.name, StatusInMeeting, state.MeetingID, state.MeetingPassword}
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

func checkSchedule(host Host, o ScheduleOptions) error {
	return cmp.Or(host.Validate(), o.Validate())
}

func orZero[T any](p *T) T {
	if p == nil {
		p = new(T)
	}
	return *p
}

// link returns the link to a page of the site.
func (c *Client) link(path string, params any) (Link, error) {
	if err := c.checkMade(); err != nil {
		return Link{}, err
	}
	return Link{c.site, path, params}, nil
}
