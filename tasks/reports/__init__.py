"""Reports: plots and pages that people read.

In come results; out go PNG images, HTML pages and Markdown. A report judges nothing, it shows the metrics and
the decision of the result; and a page needs nothing but a browser.

Called by other rooms: `plot.render_plots`, `report.render_report`, `report.write_report`,
`backtest_plot.render_backtest_plots`, `backtest_report.render_backtest_report`,
`monitor_plot.render_monitor_plot`, `model_card.describe_version`.
"""
