// Package iomeeting is a client for the IOMeeting API 2.0, the interface of a
// browser-based online meeting service. It starts, joins and schedules meetings,
// and reports whether a host is in one. "Spec" in the comments below refers to
// the vendor's document, "IOMeeting API, V 2.0" of January 2012.
//
// # Client
//
// A [Client] belongs to one site and is safe for concurrent use:
//
//	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
//
// # Links
//
// Four methods return a [Link], which a person opens in a browser. They send
// nothing:
//
//   - [Client.Start] starts a new meeting (snm.do).
//   - [Client.StartByID] starts a scheduled meeting (ssm.do).
//   - [Client.Join] joins the meeting that a host is in (jm.do).
//   - [Client.JoinByID] joins a meeting by its ID (jm.do).
//
// [Link.ServeHTTP] serves a page that POSTs the link's parameters to the
// service, so that no password appears in a URL. [Link.Form] is the form of that page.
// [Link.URL] is an address that opens the page by GET, with the passwords in
// plain text; [Link.WriteShortcut] writes it to a desktop shortcut.
// [Link.String], which fmt, slog, JSON and templates show, is that address
// without the passwords.
//
// Titles and user names may be any text. [EncodeText] describes how they are
// encoded.
//
// # Calls
//
// Three methods send requests, and accept a context:
//
//   - [Client.Query] reports whether the host is in a meeting.
//   - [Client.Schedule] schedules a meeting, and ends the meeting that the host
//     is in.
//   - [Client.ScheduleIfAvailable] calls Query first, and schedules only if the
//     host is not in a meeting.
//
// A call takes at most 30 seconds by default; see [WithTimeout]. Query is retried
// after temporary failures. Schedule is retried only if nothing was sent, because
// a second request would end a meeting that the host has started in the meantime.
//
// Use Client.Start for a meeting with a title or with observers. Use Schedule if
// you need the meeting's ID before it starts, or want to be notified when it
// ends. The service has no call that offers both, and none that only ends a meeting,
// deletes one, or lists meetings or accounts.
//
// # The end of a meeting
//
// When a scheduled meeting ends, the service POSTs the parameter operatorId to
// [ScheduleOptions.EndURL], with the value of [ScheduleOptions.OperatorID].
// [EndSigner] signs that value, and its handler accepts no other.
//
// # Errors
//
// Errors of this package start with "iomeeting: ". Use [errors.Is] and
// [errors.As] to tell them apart:
//
//   - [ErrOutcomeUnknown]: Schedule may have been carried out. Call Query before
//     scheduling again, or use ScheduleIfAvailable. Check for this error first,
//     because its cause may match one of the others.
//   - [ErrInvalidParameter] (a [*ParameterError]): an argument cannot be sent, and
//     nothing was. Correct the argument.
//   - [ErrHostNotFound], [ErrWrongPassword] (a [*StatusError]): the service
//     refused the host account.
//   - [ErrInMeeting] (a [*StatusError]): ScheduleIfAvailable left a meeting in
//     progress alone.
//   - [ErrBadResponse] (a [*ResponseError]): the response is not what the spec
//     describes. If [Retryable] returns true, try again later. Otherwise check the
//     site's address, and any proxy in between.
//   - [ErrBadSignature]: an operator ID was not signed by this [EndSigner].
//   - Any other error is a network failure, a timeout or a canceled context, and
//     keeps its cause: [context.DeadlineExceeded], [context.Canceled],
//     [*net.OpError], [*net.DNSError].
//
// [Link.WriteShortcut] also returns the errors of the writer that you pass, as
// they are.
//
// # Secrets
//
// Passwords are of type [Secret], which prints as REDACTED, alone and as part of a
// [Host], the options, a [Link], a [QueryResult] or an error. [Secret.Reveal]
// returns the password. Apart from it, only [Secret.EncodeValues] and the methods
// that open a Link (URL, Params, Form, ServeHTTP, WriteShortcut and ServeShortcut)
// reveal it. No error message and no log record of this package contains a password.
//
// # Testing
//
// Package iomeetingtest has an in-process IOMeeting server for tests. To mock
// HTTP instead, pass a client to [WithHTTPClient], or replace
// http.DefaultTransport before you call [NewClient].
//
// # Many hosts
//
// Package hostpool shares host accounts among meetings, and among servers.
package iomeeting
