package iomeeting

import (
	"cmp"
	"context"
)

// Host is a host account of the service.
type Host struct {
	Email    string
	Password Secret
}

// Validate checks that Email and Password can be sent. Call it when your program
// starts: a misspelled key in a configuration file leaves the password empty, and an
// empty Secret prints like any other.
func (h Host) Validate() error {
	return cmp.Or(
		checkRequired("hostEmail", h.Email),
		checkRequired("hostPassword", h.Password.Reveal()),
	)
}

// StartOptions are the optional parameters of [Client.Start]. Empty fields are not
// sent.
type StartOptions struct {
	MeetingPassword  Secret // what participants need to join
	ObserverPassword Secret // what observers need to join
	Title            string // any valid UTF-8
}

// JoinOptions are the optional parameters of [Client.Join] and [Client.JoinByID].
// Empty fields are not sent.
type JoinOptions struct {
	// MeetingPassword is the participants' password. The observers' works here too.
	MeetingPassword Secret
	// ObserverPassword is used instead of MeetingPassword. Setting both is an error.
	// The spec has this parameter in its examples, but not in its table.
	ObserverPassword Secret
	// UserName is the participant's full name, any valid UTF-8.
	UserName string
}

// ScheduleOptions are the optional parameters of [Client.Schedule].
type ScheduleOptions struct {
	// MeetingPassword is what participants need to join.
	MeetingPassword Secret
	// EndURL is an absolute http or https URL. When the meeting ends, the service
	// POSTs one parameter to it, operatorId. The service must be able to reach it
	// without a redirect. Anyone who knows the URL can POST to it too.
	EndURL string
	// OperatorID is the value of operatorId that the service POSTs to EndURL,
	// unchanged. It is all that the callback tells you, so use a different one for
	// each call. Setting it without EndURL is an error. [EndSigner.Sign] makes one
	// that cannot be forged.
	OperatorID string
}

// Validate checks that the options can be sent, as [Client.Schedule] does.
func (o ScheduleOptions) Validate() error {
	err := cmp.Or(
		checkPlain("meetingPassword", o.MeetingPassword.Reveal()),
		checkPlain("meetingEndUrl", o.EndURL),
		checkPlain("operatorId", o.OperatorID),
	)
	if err != nil {
		return err
	}
	if o.EndURL == "" && o.OperatorID != "" {
		return &ParameterError{"operatorId", "has no effect without meetingEndUrl"}
	}
	if _, reason := parseURL(o.EndURL); o.EndURL != "" && reason != "" {
		return &ParameterError{"meetingEndUrl", reason}
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

// Start returns a link that starts a new meeting (snm.do). It sends nothing. The link
// works for as long as the password does: each time it is opened while the host is in no
// meeting, it starts another one.
func (c *Client) Start(host Host, opts *StartOptions) (Link, error) {
	o := orZero(opts)
	title, titleErr := formText("title", o.Title)
	err := cmp.Or(
		checkRequired("hostEmail", host.Email),
		checkRequired("hostPass", host.Password.Reveal()),
		checkPlain("meetingPass", o.MeetingPassword.Reveal()),
		checkPlain("observerPass", o.ObserverPassword.Reveal()),
		titleErr,
	)
	if err != nil {
		return Link{}, err
	}
	return newLink(c.site+"/snm.do", startParams{host.Email, host.Password, o.MeetingPassword, o.ObserverPassword, title}), nil
}

type startByIDParams struct {
	MeetingID string `url:"meetingID"`
	HostPass  Secret `url:"hostPass"`
}

// StartByID returns a link that starts a scheduled meeting (ssm.do). It sends nothing.
func (c *Client) StartByID(meetingID string, hostPassword Secret) (Link, error) {
	err := cmp.Or(
		checkRequired("meetingID", meetingID),
		checkRequired("hostPass", hostPassword.Reveal()),
	)
	if err != nil {
		return Link{}, err
	}
	return newLink(c.site+"/ssm.do", startByIDParams{meetingID, hostPassword}), nil
}

// joinParams identify the meeting by one of their first two fields.
type joinParams struct {
	HostEmail    string `url:"hostEmail,omitempty"`
	MeetingID    string `url:"meetingID,omitempty"`
	MeetingPass  Secret `url:"meetingPass,omitempty"`
	ObserverPass Secret `url:"observerPass,omitempty"`
	UserName     string `url:"userName,omitempty"`
}

// Join returns a link that joins the meeting that the host is in when the link is
// opened (jm.do). It sends nothing.
func (c *Client) Join(hostEmail string, opts *JoinOptions) (Link, error) {
	if err := checkRequired("hostEmail", hostEmail); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{HostEmail: hostEmail}, opts)
}

// JoinByID is like [Client.Join] for the meeting with that ID, once it is in progress.
func (c *Client) JoinByID(meetingID string, opts *JoinOptions) (Link, error) {
	if err := checkRequired("meetingID", meetingID); err != nil {
		return Link{}, err
	}
	return c.join(joinParams{MeetingID: meetingID}, opts)
}

func (c *Client) join(params joinParams, opts *JoinOptions) (Link, error) {
	o := orZero(opts)
	userName, nameErr := formText("userName", o.UserName) // some of the spec's examples spell it username
	err := cmp.Or(
		checkPlain("meetingPass", o.MeetingPassword.Reveal()),
		checkPlain("observerPass", o.ObserverPassword.Reveal()),
		nameErr,
	)
	if err != nil {
		return Link{}, err
	}
	if !o.MeetingPassword.IsZero() && !o.ObserverPassword.IsZero() {
		return Link{}, &ParameterError{"observerPass", "cannot be sent together with meetingPass"}
	}
	params.MeetingPass, params.ObserverPass, params.UserName = o.MeetingPassword, o.ObserverPassword, userName
	return newLink(c.site+"/jm.do", params), nil
}

var queryOp = operation{
	name:  "query",
	path:  "/meetingControl/query",
	parse: parseQuery,
}

type queryParams struct {
	HostEmail    string `url:"hostEmail"`
	HostPassword Secret `url:"hostPassword"`
}

// Query reports whether the host is in a meeting, and in which one (POST
// meetingControl/query). A meeting that is scheduled but has not started does not
// count. Query does not change anything, and is retried as [WithRetries] says. It
// stops when ctx is done, and takes at most 30 seconds by default; see [WithTimeout].
func (c *Client) Query(ctx context.Context, host Host) (QueryResult, error) {
	if err := host.Validate(); err != nil {
		return QueryResult{}, err
	}
	a, err := c.call(ctx, queryOp, queryParams{host.Email, host.Password})
	if err != nil {
		return QueryResult{}, err
	}
	if a.status != statusOK && a.status != StatusInMeeting {
		return QueryResult{}, &StatusError{Op: queryOp.name, Status: a.status}
	}
	return QueryResult{a.status == StatusInMeeting, a.id, NewSecret(a.password)}, nil
}

var scheduleOp = operation{
	name:       "schedule",
	path:       "/meetingControl/schedule",
	atMostOnce: true,
	parse:      parseSchedule,
}

// scheduleParams are all sent, even if empty, as in the spec.
type scheduleParams struct {
	HostEmail       string `url:"hostEmail"`
	HostPassword    Secret `url:"hostPassword"`
	MeetingPassword Secret `url:"meetingPassword"`
	EndURL          string `url:"meetingEndUrl"`
	OperatorID      string `url:"operatorId"`
}

// Schedule schedules a meeting, which the host starts with [Client.StartByID] (POST
// meetingControl/schedule). If the host is in a meeting, the service ends that
// meeting first; [Client.ScheduleIfAvailable] leaves it alone.
//
// The request arrives at most once. If no usable response does, the error matches
// [ErrOutcomeUnknown], and the meeting may exist; after any other error it does not.
//
// Schedule stops when ctx is done. With the context of an HTTP request, a visitor who
// leaves cancels the call, perhaps with an unknown outcome: see
// [context.WithoutCancel]. The limit of 30 seconds applies to it as well; see
// [WithTimeout].
func (c *Client) Schedule(ctx context.Context, host Host, opts *ScheduleOptions) (ScheduleResult, error) {
	o := orZero(opts)
	if err := cmp.Or(host.Validate(), o.Validate()); err != nil {
		return ScheduleResult{}, err
	}
	params := scheduleParams{host.Email, host.Password, o.MeetingPassword, o.EndURL, o.OperatorID}
	a, err := c.call(ctx, scheduleOp, params)
	if err == nil && a.status != statusOK {
		err = &StatusError{Op: scheduleOp.name, Status: a.status}
	}
	return ScheduleResult{a.id}, err
}

// ScheduleIfAvailable calls [Client.Query] and, if the host is in no meeting,
// [Client.Schedule], both within one timeout. If the host is in a meeting, that
// meeting goes on, and the error matches [ErrInMeeting].
//
// If the host starts a meeting between the two calls, that meeting is ended. A meeting
// that is scheduled but has not started does not count: to keep a host from having
// two, or to share hosts among servers, use package
// [github.com/iomeeting/iomeeting-go/hostpool].
func (c *Client) ScheduleIfAvailable(ctx context.Context, host Host, opts *ScheduleOptions) (ScheduleResult, error) {
	if err := orZero(opts).Validate(); err != nil {
		return ScheduleResult{}, err
	}
	ctx, cancel := withDeadline(ctx, c.deadline(ctx))
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

func orZero[T any](p *T) T {
	if p == nil {
		p = new(T)
	}
	return *p
}
