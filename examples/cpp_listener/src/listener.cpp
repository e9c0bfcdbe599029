// Hears what people do: who is in view at every record, and each action when it begins and ends.
//
//     colcon build --base-paths src src/csre_ros/msgs src/csre_ros/examples
//     ros2 run csre_cpp_listener listener --ros-args -r actions:=/action_node/person_actions -r events:=/action_node/events
//
// Written against the documentation of rclcpp; it was never compiled where this repository is tested, which has no rclcpp.

#include <cinttypes>
#include <memory>

#include "csre_msgs/msg/action_event.hpp"
#include "csre_msgs/msg/person_action.hpp"
#include "csre_msgs/msg/person_action_array.hpp"
#include "rclcpp/rclcpp.hpp"

using csre_msgs::msg::ActionEvent;
using csre_msgs::msg::PersonAction;
using csre_msgs::msg::PersonActionArray;

class Listener : public rclcpp::Node
{
public:
  Listener() : Node("action_listener")
  {
    // Reliable, as the node publishes: no event is lost while this process keeps up.
    people_ = create_subscription<PersonActionArray>(
      "actions", rclcpp::QoS(10), [this](const PersonActionArray & message) { on_people(message); });
    events_ = create_subscription<ActionEvent>(
      "events", rclcpp::QoS(10), [this](const ActionEvent & event) { on_event(event); });
  }

private:
  void on_people(const PersonActionArray & message)
  {
    for (const auto & person : message.persons) {
      if (person.decision == PersonAction::ACTION) {
        RCLCPP_INFO_THROTTLE(
          get_logger(), *get_clock(), 1000, "%" PRIu32 ": %s (%.2f), %.1f m away", person.id, person.action.c_str(),
          person.score, person.position.z);
      }
    }
  }

  void on_event(const ActionEvent & event)
  {
    if (event.state == ActionEvent::STARTED) {
      // The action began before it was decided: its onset is in "since".
      const double delay = (rclcpp::Time(event.header.stamp) - rclcpp::Time(event.since)).seconds();
      RCLCPP_INFO(
        get_logger(), "%" PRIu32 " began to %s, decided %.1f s later", event.person, event.action.c_str(), delay);
    } else if (event.state == ActionEvent::ENDED) {
      const double lasted = (rclcpp::Time(event.until) - rclcpp::Time(event.since)).seconds();
      RCLCPP_INFO(get_logger(), "%" PRIu32 ": %s lasted %.1f s", event.person, event.action.c_str(), lasted);
    }
  }

  rclcpp::Subscription<PersonActionArray>::SharedPtr people_;
  rclcpp::Subscription<ActionEvent>::SharedPtr events_;
};

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<Listener>());
  rclcpp::shutdown();
  return 0;
}
