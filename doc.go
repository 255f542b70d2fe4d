// Package iomeeting is a client of the IOMeeting API 2.0, the interface of a
// browser-based online-meeting service: start and join meetings, ask whether a
// host is in one, schedule one. "Spec" in the comments below is the vendor's
// document of January 2012.
//
// # Client
//
// A [Client] belongs to one site and is safe for concurrent use:
//
//	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
//
// # Links to open
//
// Four methods make a [Link], a page of the service that a person's browser is
// to open. They send nothing:
//
//   - [Client.Start] starts a new meeting (snm.do).
//   - [Client.StartByID] starts a scheduled meeting (ssm.do).
//   - [Client.Join] joins the meeting that a host is in (jm.do).
//   - [Client.JoinByID] joins a meeting by its ID (jm.do).
//
// A Link is a handler: [Link.ServeHTTP] serves a page that POSTs the link's
// parameters to the service, so that no password stands in a URL. [Link.Form] is
// that form alone. [Link.URL] is an address to open by GET, which holds the
// passwords in clear, and [Link.WriteShortcut] puts it into a file for a
// desktop. [Link.String], which fmt, slog, JSON and templates show, is that
// address without the passwords.
//
// Titles and user names may be any text. They travel in an encoding of their
// own, for which see [EncodeText].
//
// # Calls
//
// Two methods send a request, and take a context:
//
//   - [Client.Query] asks whether the host is in a meeting.
//   - [Client.Schedule] makes a meeting, and ends the one that the host is in.
//     [Client.ScheduleIfAvailable] asks first, and leaves that one alone.
//
// A call takes no longer than 30 seconds, unless [WithTimeout] says otherwise.
// Query is tried again after failures that may pass. Schedule is not, once
// anything was sent: a second one would end a meeting that the host has started
// since.
//
// A meeting that is to have a title, or to take observers, is started by
// Client.Start. One whose ID must be known, or whose end must be told, is
// scheduled. The service offers no way to have both.
//
// # The end of a meeting
//
// When a scheduled meeting ends, the service POSTs the parameter operatorId to
// [ScheduleOptions.EndURL], with the value of [ScheduleOptions.OperatorID].
// [EndSigner] signs that value, and makes a handler that takes no other.
//
// # Errors
//
// Every error starts with "iomeeting: " and can be told from the others by
// [errors.Is] and [errors.As]:
//
//   - [ErrInvalidParameter] (a [*ParameterError]): an argument cannot be sent,
//     and nothing was. Mend the argument.
//   - [ErrHostNotFound], [ErrWrongPassword] (a [*StatusError]): the service
//     refused the host account.
//   - [ErrInMeeting] (a [*StatusError]): ScheduleIfAvailable left a running
//     meeting alone.
//   - [ErrBadResponse] (a [*ResponseError]): something answered, but not as the
//     spec has it. With StatusCode 408, 429 or 5xx try later; else look at the
//     site's address, and at what stands in between.
//   - [ErrOutcomeUnknown], beside its cause: Schedule may have been carried
//     out. Ask Query before scheduling again, or let ScheduleIfAvailable do
//     both.
//   - [ErrBadSignature]: an operator ID is none of ours.
//   - Anything else is a failure of the network, or the end of the context or
//     of the time-out, and keeps its cause: [context.DeadlineExceeded],
//     [context.Canceled], [*net.OpError], [*net.DNSError].
//
// # Secrets
//
// Passwords are of type [Secret], which prints as REDACTED wherever it is
// printed, also inside of [Host], the options, [Link], [QueryResult] and errors.
// [Secret.Reveal] gives a password out, and so do the encoding of a request by
// go-querystring and the methods of Link that open it: URL, Params, Form,
// ServeHTTP and WriteShortcut. Nothing else does. No error and no log record of
// this package holds one.
//
// # Testing
//
// Package iomeetingtest is the service in the process. Mocks of HTTP come in by
// [WithHTTPClient]; one that replaces http.DefaultTransport must do so before
// [NewClient].
package iomeeting
