// Package iomeeting is a client for the IOMeeting API 2.0, the interface of a
// browser-based online meeting service. It starts, joins and schedules meetings, and
// reports whether a host is in one.
//
//	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
//	link, err := client.Start(host, &iomeeting.StartOptions{Title: "Q3_Review 会议"})
//	link.ServePage(w, r, "Start the meeting") // the browser enters the meeting
//
// # What a browser opens
//
// [Client.Start], [Client.StartByID], [Client.Join] and [Client.JoinByID] return a
// [Link] and send nothing. [Link.ServePage] opens it from your website by POST;
// [Link.WriteShortcut] makes a desktop shortcut.
//
// # What your server calls
//
// [Client.Query] tells whether a host is in a meeting. [Client.Schedule] schedules a
// meeting, and ends the one that the host is in; [Client.ScheduleIfAvailable] does not.
// Use Schedule if you need the meeting's ID before it starts, or want to be notified
// when it ends (see [EndSigner]); use Start for a title or for observers.
//
// # Errors
//
// Use [errors.Is] and [errors.As]:
//
//   - [ErrOutcomeUnknown]: Schedule may have been carried out. Check for it first; its
//     cause may match another error.
//   - [ErrHostNotFound], [ErrWrongPassword], [ErrInMeeting] ([*StatusError]): the
//     service's answer.
//   - [ErrBadResponse] ([*ResponseError]): something else responded. If [Retryable],
//     try again later.
//   - [ErrInvalidParameter] ([*ParameterError]): an argument cannot be sent, and
//     nothing was.
//   - Otherwise the call failed in the network, and the cause is in the chain:
//     [context.DeadlineExceeded], [*net.OpError], or the error of your transport.
//
// # Spec
//
// The vendor's document is "IOMeeting API, V 2.0" of January 2012: Start is its section
// 1, Join 2, StartByID 3, JoinByID 4, Query 5 and Schedule 6.
//
// # See also
//
// Package [github.com/iomeeting/iomeeting-go/hostpool] shares host accounts among
// meetings and servers. Package [github.com/iomeeting/iomeeting-go/iomeetingtest] provides
// an in-process IOMeeting server for tests. Command
// [github.com/iomeeting/iomeeting-go/cmd/iomeeting] starts, joins and schedules meetings
// from a terminal. Guides: https://github.com/iomeeting/iomeeting-go/tree/main/docs
package iomeeting
